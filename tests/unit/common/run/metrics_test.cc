// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/metrics.h"

#include <thread>

#include "unit/catch.h"

using namespace ipref::run;

TEST_CASE("the exposition of every kind of metric", "[metrics]") {
    Metrics metrics;
    metrics.counter("b_total", "Bytes", {{"side", "tun"}}).add(3);
    metrics.counter("b_total", "Bytes", {{"side", "udp"}}).add(uint64_t(1) << 60);
    metrics.gauge("a_ratio", "Two\nlines \\").set(0.5);
    metrics.gauge_from("c", "Read", {{"x", "a\"b"}}, [] { return 7.0; });
    auto& histogram = metrics.histogram("d_seconds", "Times", {0.1, 1});
    histogram.observe(0.1);
    histogram.observe(0.2);
    histogram.observe(5);
    CHECK(metrics.text() ==
          "# HELP a_ratio Two\\nlines \\\\\n# TYPE a_ratio gauge\na_ratio 0.5\n"
          "# HELP b_total Bytes\n# TYPE b_total counter\n"
          "b_total{side=\"tun\"} 3\nb_total{side=\"udp\"} 1152921504606846976\n"
          "# HELP c Read\n# TYPE c gauge\nc{x=\"a\\\"b\"} 7\n"
          "# HELP d_seconds Times\n# TYPE d_seconds histogram\n"
          "d_seconds_bucket{le=\"0.1\"} 1\nd_seconds_bucket{le=\"1\"} 2\n"
          "d_seconds_bucket{le=\"+Inf\"} 3\nd_seconds_sum 5.3\nd_seconds_count 3\n");
}

TEST_CASE("asking again gives the same metric", "[metrics]") {
    Metrics metrics;
    auto& one = metrics.counter("x_total", "X", {{"k", "v"}});
    CHECK(&one == &metrics.counter("x_total", "X", {{"k", "v"}}));
    CHECK(&one != &metrics.counter("x_total", "X", {{"k", "w"}}));
}

TEST_CASE("counters add up over threads", "[metrics]") {
    Metrics metrics;
    auto& counter = metrics.counter("x_total", "X");
    auto& histogram = metrics.histogram("y", "Y", {1});
    auto work = [&] {
        for (int i = 0; i < 10000; i++) {
            counter.add();
            histogram.observe(1);
        }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(counter.value() == 20000);
    CHECK(histogram.cumulative(1) == 20000);
    CHECK(histogram.sum() == 20000);
}

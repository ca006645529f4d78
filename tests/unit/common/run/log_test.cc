// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/log.h"

#include "unit/catch.h"

using namespace ipref::run;

TEST_CASE("a log limit counts what it left out", "[log]") {
    LogLimit limit(2, std::chrono::seconds(10));
    const std::chrono::steady_clock::time_point start{std::chrono::hours(1)};
    uint64_t suppressed = 0;
    CHECK(limit.allow(start, suppressed));
    CHECK(limit.allow(start, suppressed));
    CHECK_FALSE(limit.allow(start, suppressed));
    CHECK_FALSE(limit.allow(start + std::chrono::seconds(9), suppressed));
    CHECK(limit.allow(start + std::chrono::seconds(10), suppressed));
    CHECK(suppressed == 2);
    CHECK(limit.allow(start + std::chrono::seconds(10), suppressed));
    CHECK(suppressed == 0);
}

TEST_CASE("log formats by name", "[log]") {
    CHECK(parse_log_format("text", LogFormat::bracket).value() == LogFormat::bracket);
    CHECK(parse_log_format("json", LogFormat::letter).value() == LogFormat::json);
    CHECK_FALSE(parse_log_format("xml", LogFormat::letter));
}

TEST_CASE("topics by name", "[log]") {
    std::vector<std::string> unknown;
    CHECK(parse_topics("", unknown) == 0);
    CHECK(parse_topics("hosts,ticks", unknown) ==
          (topic_bit(Topic::hosts) | topic_bit(Topic::ticks)));
    CHECK(parse_topics("all", unknown) == kAllTopics);
    CHECK(unknown.empty());
    CHECK(parse_topics("host,peers,,Peers", unknown) == topic_bit(Topic::peers));
    CHECK(unknown == std::vector<std::string>{"host", "", "Peers"});
    CHECK(topic_names() == "hosts, mapper, packets, peers, ticks");
}

TEST_CASE("debug lines are about what was asked for", "[log]") {
    configure_log({.debug = topic_bit(Topic::peers)});
    CHECK(log_enabled(Topic::peers));
    CHECK_FALSE(log_enabled(Topic::packets));
    CHECK(log_enabled(Severity::debug));
    configure_log({});
    CHECK_FALSE(log_enabled(Topic::peers));
    CHECK_FALSE(log_enabled(Severity::debug));
    CHECK(log_enabled(Severity::info));
}

TEST_CASE("one is singular", "[log]") {
    CHECK(counted(0, "host") == "0 hosts");
    CHECK(counted(1, "host") == "1 host");
    CHECK(counted(2, "host") == "2 hosts");
}

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

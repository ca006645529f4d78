// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/log_gathering.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "unit/catch.h"

using namespace ipref::run;

namespace {

/// Standard error goes into a pipe while this lives.
class Caught {
  public:
    Caught() : before_(dup(STDERR_FILENO)) {
        REQUIRE(pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        dup2(ends_[1], STDERR_FILENO);
    }
    ~Caught() {
        dup2(before_, STDERR_FILENO);
        for (const int fd : {before_, ends_[0], ends_[1]}) close(fd);
    }
    Caught(const Caught&) = delete;
    Caught& operator=(const Caught&) = delete;

    /// What was written since the last call.
    std::string text() const {
        std::array<char, 65536> space{};
        const auto size = read(ends_[0], space.data(), space.size());
        return {space.data(), size < 0 ? 0 : static_cast<size_t>(size)};
    }

  private:
    int before_;
    std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE("lines go out at once, without control characters", "[log]") {
    const Caught caught;
    log_info("a\nb\x7f");
    CHECK(caught.text() == "I a\\x0ab\\x7f\n");
    configure_log({.format = LogFormat::bracket});
    log_warning("c");
    CHECK(caught.text() == "[WARNING] c\n");
    configure_log({.format = LogFormat::json});
    log_error("\"d\"");
    const auto json = caught.text();
    CHECK(json.substr(0, 7) == "{\"ts\":\"");
    CHECK(json.substr(json.find("Z\"")) == "Z\",\"level\":\"error\",\"msg\":\"\\\"d\\\"\"}\n");
    configure_log({.time_stamps = true});
    log_info("e");
    CHECK(caught.text().size() == std::string("2026-01-31 12:00:00.000 I e\n").size());
    configure_log({});
}

TEST_CASE("gathered lines go out at the end of a turn, errors and many at once", "[log]") {
    const Caught caught;
    Loop loop;
    {
        const LogGathering gathering(loop);
        Timer timer(loop, [&] {
            log_info("a");
            log_info("b");
            CHECK(caught.text().empty());
            std::thread([] { log_info("another thread"); }).join();
            CHECK(caught.text() == "I another thread\n");
        });
        Timer next(loop, [&] {
            CHECK(caught.text() == "I a\nI b\n");
            log_info("c");
            log_error("d");
            CHECK(caught.text() == "I c\nE d\n");
            for (int i = 0; i < 40; i++) log_info("{}", std::string(1000, 'x'));
            CHECK(caught.text().empty());
            for (int i = 0; i < 40; i++) log_info("{}", std::string(1000, 'x'));
            CHECK(caught.text().size() > 64000);
            flush_log();
            caught.text();
            log_info("e");
        });
        timer.start(Milliseconds(0));
        next.start(Milliseconds(1));
        loop.run();
        log_info("f");
    }
    CHECK(caught.text() == "I e\nI f\n");
    log_info("g");
    CHECK(caught.text() == "I g\n");
}

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

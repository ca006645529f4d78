// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/server_poll.h"

#include <algorithm>

#include "unit/catch.h"
#include "unit/dns-agent/fake_world.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const char* const kServer = "192.0.2.1:53";

/// Chance is such that polls come every 60 minutes.
struct Setup {
    FakeWorld world;
    run::Metrics metrics;
    Source source = parse_source("internal:example.com:192.0.2.1").value();
    int heard = 0;
    ServerPoll poll{world, metrics, source, source.servers[0], minutes(60), [this] { heard++; }};

    int transfers() { return world.transfers[kServer]; }
    void has(uint32_t serial) {
        Zone zone;
        zone.serial = serial;
        world.servers[kServer] = zone;
    }
};

}  // namespace

TEST_CASE("polls come once an interval, failures are tried again ever later", "[server_poll]") {
    Setup s;
    s.poll.now();
    s.world.pass(seconds(0));
    CHECK(s.poll.zone() == nullptr);
    CHECK(s.poll.status().last_error == "no connection");
    s.world.pass(seconds(4));
    CHECK(s.transfers() == 1);
    s.world.pass(seconds(1));
    CHECK(s.transfers() == 2);
    s.has(7);
    s.world.pass(seconds(10));
    CHECK(s.transfers() == 3);
    REQUIRE(s.poll.zone());
    CHECK(s.poll.status().serial == 7);
    CHECK(s.poll.status().last_error.empty());
    s.world.pass(minutes(59));
    CHECK(s.transfers() == 3);
    s.world.pass(minutes(1));
    CHECK(s.transfers() == 4);
    CHECK(s.heard == 4);
    CHECK(
        s.metrics.text().find("ipref_dns_agent_zone_serial{zone=\"example.com\",source=\"internal:"
                              "example.com\",server=\"192.0.2.1:53\"} 7") != std::string::npos);
}

TEST_CASE("a server that is told of is asked at once, a few times in a row, then once a second",
          "[server_poll]") {
    Setup s;
    s.has(7);
    s.poll.now();
    s.world.pass(minutes(1));
    CHECK(s.transfers() == 1);
    for (int i = 0; i < 1000; i++) {
        s.poll.now();
        s.world.pass(Milliseconds(10));
    }
    CHECK(s.transfers() >= 1 + 5 + 9);
    CHECK(s.transfers() <= 1 + 5 + 10);
    s.world.pass(seconds(2));
    const int all = s.transfers();
    s.world.pass(minutes(44));
    CHECK(s.transfers() == all);
}

TEST_CASE("told while it is being asked, it is asked again", "[server_poll]") {
    Setup s;
    s.has(7);
    s.poll.now();
    s.poll.now();
    CHECK(s.transfers() == 1);
    s.world.pass(Milliseconds(0));
    CHECK(s.transfers() == 2);
    s.world.pass(minutes(44));
    CHECK(s.transfers() == 2);
}

TEST_CASE("NOTIFY soon after a poll does not wait; what was used up comes back", "[server_poll]") {
    Setup s;
    s.has(7);
    for (int round = 0; round < 3; round++) {
        const int before = s.transfers();
        for (int i = 1; i <= 5; i++) {
            s.poll.now();
            s.world.pass(Milliseconds(0));
            CHECK(s.transfers() == before + i);
        }
        s.poll.now();
        s.world.pass(Milliseconds(999));
        CHECK(s.transfers() == before + 5);
        s.world.pass(Milliseconds(1));
        CHECK(s.transfers() == before + 6);
        s.world.pass(seconds(5));
    }
}

TEST_CASE("a NOTIFY that must wait does not put off what is due before", "[server_poll]") {
    Setup s;
    s.has(7);
    for (int i = 0; i < 5; i++) {
        s.poll.now();
        s.world.pass(Milliseconds(0));
    }
    s.poll.now();
    s.world.pass(Milliseconds(600));
    s.poll.now();
    s.world.pass(Milliseconds(400));
    CHECK(s.transfers() == 6);
}

TEST_CASE("after a failed poll the server is tried again in 5 s, whatever was before",
          "[server_poll]") {
    Setup s;
    s.has(7);
    s.poll.now();
    s.world.pass(minutes(60) - seconds(1));
    const auto answer = s.world.servers[kServer];
    s.world.servers.clear();
    s.world.pass(seconds(1));
    CHECK(s.transfers() == 2);
    CHECK(s.poll.status().last_error == "no connection");
    s.world.servers[kServer] = answer;
    s.world.pass(seconds(5));
    CHECK(s.transfers() == 3);
    CHECK(s.poll.zone());
    s.world.pass(minutes(1));  // the same again after a NOTIFY instead of a poll
    s.world.servers.clear();
    s.poll.now();
    s.world.pass(seconds(5));
    CHECK(s.transfers() == 5);
}

TEST_CASE("a failure is told with what can be done", "[server_poll]") {
    using Limit = TransferError::Limit;
    const std::vector<std::pair<TransferError, std::string>> cases = {
        {{false, "much", true, Limit::bytes}, "raise -max-transfer-size"},
        {{false, "slow", false, Limit::whole}, "raise -max-transfer-time"},
        {{false, "idle", false, Limit::silence}, "raise -max-transfer-idle"},
        {{false, "odd", true}, "odd; see what it gives: dig @192.0.2.1 -p 53 example.com. AXFR"},
        {{false, "not there"}, "failed: not there; next try in 5 s"},
    };
    for (const auto& [error, advice] : cases) {
        Setup s;
        s.world.servers.emplace(kServer, tl::unexpected(error));
        s.poll.now();
        s.world.pass(seconds(0));
        INFO(s.world.lines.back());
        CHECK(s.world.said(advice));
    }
}

TEST_CASE("who is behind is asked again soon, ever later", "[server_poll]") {
    Setup s;
    s.has(7);
    s.poll.now();
    s.world.pass(seconds(0));
    s.poll.hasten();
    s.world.pass(seconds(5));
    CHECK(s.transfers() == 2);
    s.poll.hasten();
    s.world.pass(seconds(9));
    CHECK(s.transfers() == 2);
    s.world.pass(seconds(1));
    CHECK(s.transfers() == 3);
}

TEST_CASE("a failure takes the vote, not what is known", "[server_poll]") {
    Setup s;
    s.has(7);
    s.poll.now();
    s.world.pass(seconds(0));
    const auto zone = s.poll.zone();
    const auto answer = s.world.servers[kServer];
    s.world.servers.clear();
    s.world.pass(minutes(60));
    CHECK(s.poll.zone() == nullptr);
    CHECK(s.poll.status().serial == 7);
    s.world.servers[kServer] = answer;
    s.world.pass(seconds(5));
    CHECK(s.poll.zone() == zone);
}

TEST_CASE("names without an answer are told when that changes, and counted", "[server_poll]") {
    Setup s;
    s.has(7);
    auto& noted = s.world.unanswered_names[kServer];
    const auto told = [&](const std::string& part) {
        return std::count_if(
            s.world.lines.begin(), s.world.lines.end(),
            [&](const std::string& line) { return line.find(part) != std::string::npos; });
    };
    noted = "1 name without an answer";
    s.poll.now();
    for (int i = 0; i < 3; i++) s.world.pass(minutes(60));
    CHECK(told("W internal:example.com: 192.0.2.1:53: 1 name without an answer") == 1);
    CHECK(s.poll.status().unanswered == noted);
    CHECK(s.poll.status().last_error.empty());
    const std::string gauge =
        "ipref_dns_agent_unanswered_names{zone=\"example.com\",source=\"internal:example.com\","
        "server=\"192.0.2.1:53\"} ";
    CHECK(s.metrics.text().find(gauge + "1\n") != std::string::npos);
    noted = "2 names without an answer";
    s.world.pass(minutes(60));
    CHECK(told("2 names without an answer") == 1);
    noted.clear();
    s.world.pass(minutes(60));
    s.world.pass(minutes(60));
    CHECK(told("I internal:example.com: 192.0.2.1:53: all names have an answer again") == 1);
    CHECK(s.poll.status().unanswered.empty());
    CHECK(s.metrics.text().find(gauge + "0\n") != std::string::npos);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/follower.h"

#include "unit/catch.h"
#include "unit/dns-agent/fake_world.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

using Texts = std::vector<std::string>;

const char* const kOne = "192.0.2.1:53";
const char* const kTwo = "192.0.2.2:53";

Zone zone(std::vector<std::string> labels) {
    Zone out;
    out.serial = 7;
    for (const auto& label : labels) {
        out.entries.push_back({label + ".example.com.",
                               "gw.example.com.",
                               {0, 1000 + static_cast<uint64_t>(label[0])}});
    }
    return out;
}

/// One source with an interval of 60 minutes; chance is such that polls come exactly then.
struct Setup {
    FakeWorld world;
    FakeMapper mapper;
    run::Metrics metrics;
    std::unique_ptr<Follower> follower;

    explicit Setup(const std::string& servers = "192.0.2.1") {
        world.names["gw.example.com."] = {net::Ip::v4(0xcb007101)};
        for (const uint32_t i : {0u, 1u, 2u}) {
            const std::string label(1, static_cast<char>('a' + i));
            world.names[label + ".internal."] = {net::Ip::v4(0x0a000001 + i)};
        }
        follower = std::make_unique<Follower>(
            world, mapper, metrics, parse_source("internal:example.com:" + servers).value(),
            Families{}, minutes(60));
    }
    void poll(Milliseconds time = Milliseconds(0)) { world.pass(time); }
    Texts held() {
        Texts out;
        const auto set = mapper.held["internal:example.com"];
        if (!set) return out;
        for (const auto& host : set->hosts) out.push_back(host.ip.str() + "=" + host.ipref.str());
        return out;
    }
};

}  // namespace

TEST_CASE("the first poll comes at start and publishes", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a", "b"}));
    s.follower->start();
    s.poll();
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097", "10.0.0.2=203.0.113.1 + 1098"});
    CHECK(s.metrics.text().find("ipref_dns_agent_hosts{source=\"internal:example.com\"} 2") !=
          std::string::npos);
}

TEST_CASE("every poll confirms, a change is sent, local addresses are looked up anew",
          "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a", "b"}));
    s.follower->start();
    s.poll();
    s.poll(minutes(60));
    CHECK(s.mapper.requests == Texts{"publish 2", "confirm 2"});
    s.world.servers[kOne] = zone({"a", "b", "c"});
    s.world.names["a.internal."] = {net::Ip::v4(0x0a0000aa)};
    s.poll(minutes(60));
    CHECK(s.held().size() == 3);
    CHECK(s.held()[0] == "10.0.0.170=203.0.113.1 + 1097");
}

TEST_CASE("failed transfers: back-off from 5 s, doubling to the interval", "[follower]") {
    Setup s;
    s.follower->start();
    s.poll();
    CHECK(
        s.world.said("W internal:example.com: transfer from 192.0.2.1:53 failed: no connection; "
                     "next try in 5 s"));
    CHECK(s.world.transfers[kOne] == 1);
    s.poll(seconds(5));
    CHECK(s.world.transfers[kOne] == 2);
    s.poll(seconds(9));
    CHECK(s.world.transfers[kOne] == 2);
    s.poll(seconds(1));
    CHECK(s.world.transfers[kOne] == 3);
    s.poll(std::chrono::hours(24));
    const int before = s.world.transfers[kOne];
    s.poll(std::chrono::hours(4));
    CHECK(s.world.transfers[kOne] == before + 4);
    s.world.servers.emplace(kOne, zone({"a"}));
    s.poll(minutes(60));
    CHECK(s.held().size() == 1);
}

TEST_CASE("a server that fails later does not take back what is published", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    s.poll();
    s.world.servers.erase(kOne);
    s.poll(std::chrono::hours(48));
    CHECK(s.held().size() == 1);
    CHECK(s.mapper.requests.back() == "confirm 1");
}

TEST_CASE("two servers must agree; the difference is told once", "[follower]") {
    Setup s("192.0.2.1,192.0.2.2");
    s.world.servers.emplace(kOne, zone({"a"}));
    s.world.servers.emplace(kTwo, zone({"a", "b"}));
    s.follower->start();
    s.poll();
    CHECK(s.held().empty());
    CHECK(
        s.world.said("W internal:example.com: no majority: 1 of 2 servers agree, 2 are needed; "
                     "192.0.2.2:53 has, compared with 192.0.2.1:53, 1 more, 0 less (+ "
                     "b.example.com. AA gw.example.com. + 1098)"));
    s.world.lines.clear();
    s.poll(minutes(60));
    CHECK_FALSE(s.world.said("no majority"));
    s.world.servers[kOne] = zone({"a", "b"});
    s.poll(minutes(60));
    CHECK(s.held().size() == 2);
}

TEST_CASE("a zone that goes back and forth must stay before it is published again", "[follower]") {
    Setup s;
    const auto turn = [&](std::vector<std::string> labels) {
        s.world.servers.insert_or_assign(kOne, zone(std::move(labels)));
        s.follower->notified();
        s.poll(seconds(1));
    };
    s.follower->start();
    turn({"a"});
    turn({"a", "b"});
    turn({"a"});
    turn({"a", "b"});  // a mistake, taken back: published at once
    CHECK(s.held().size() == 2);
    s.world.lines.clear();
    turn({"a"});
    CHECK(s.held().size() == 2);
    CHECK(
        s.world.said("W internal:example.com: the zone goes back and forth; 1 host is published "
                     "when it has stayed for 5 s"));
    turn({"a"});
    CHECK(s.held().size() == 2);
    s.poll(seconds(5));
    CHECK(s.held().size() == 1);

    SECTION("back to what is published: nothing waits") {
        turn({"a", "b"});
        turn({"a"});
        s.poll(minutes(5));
        CHECK(s.held().size() == 1);
    }
    SECTION("something new is published at once, and what waited is forgotten") {
        turn({"a", "b"});
        turn({"a", "b", "c"});
        CHECK(s.held().size() == 3);
        s.poll(minutes(5));
        CHECK(s.held().size() == 3);
    }
    SECTION("a source that is given up publishes nothing later") {
        turn({"a", "b"});
        s.follower->retire();
        s.poll(minutes(5));
        CHECK(s.held().empty());
    }
}

TEST_CASE("an empty zone keeps its last set for one poll, then it is withdrawn", "[follower]") {
    for (const bool gone : {false, true}) {
        Setup s;
        s.world.servers.emplace(kOne, zone({"a"}));
        s.follower->start();
        s.poll();
        s.world.servers.erase(kOne);
        if (gone) {
            s.world.servers.emplace(
                kOne, tl::unexpected(TransferError{true, "the server answers NOTAUTH"}));
        } else {
            s.world.servers.emplace(kOne, zone({}));
        }
        s.poll(minutes(60));
        CHECK(s.held().size() == 1);
        CHECK(s.world.said(gone ? "the zone is gone; the last good set is kept until the next poll"
                                : "the zone publishes no host; the last good set is kept"));
        s.poll(minutes(60));
        CHECK(s.held().empty());
        CHECK(s.mapper.requests.back() == "withdraw");
        CHECK(s.world.said("still no host: withdrawing the source"));
        s.world.servers.erase(kOne);
        s.world.servers.emplace(kOne, zone({"a"}));
        s.poll(minutes(60));
        CHECK(s.held().size() == 1);
    }
}

TEST_CASE("a zone that is empty for one poll only changes nothing", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    s.poll();
    s.world.servers[kOne] = zone({});
    s.poll(minutes(60));
    s.world.servers[kOne] = zone({"a"});
    s.poll(minutes(60));
    s.world.servers[kOne] = zone({});
    s.poll(minutes(60));
    CHECK(s.held().size() == 1);
    CHECK(std::count(s.mapper.requests.begin(), s.mapper.requests.end(), "withdraw") == 0);
}

TEST_CASE("a look-up without answer keeps the address of before; NXDOMAIN does not", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a", "b"}));
    s.follower->start();
    s.poll();
    s.world.unanswered = {"a.internal.", "gw.example.com."};
    s.world.names.erase("b.internal.");
    s.poll(minutes(60));
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097"});
    CHECK(s.world.said("a.internal. A: no server answers; its address of before is kept"));
    CHECK(
        s.world.said("W internal:example.com: b.example.com. AA gw.example.com. + 1098 is not "
                     "published: b.internal. does not exist"));
}

TEST_CASE("a look-up without answer is made again in 5 s, then ever later", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a", "b"}));
    s.world.unanswered = {"b.internal."};
    s.follower->start();
    s.poll();
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097"});
    const auto before = s.world.look_ups;
    s.poll(seconds(5));
    CHECK(s.world.look_ups == before + 1);  // that name alone
    s.poll(seconds(9));
    CHECK(s.world.look_ups == before + 1);
    s.world.unanswered.clear();
    s.poll(seconds(1));
    CHECK(s.held().size() == 2);
    s.poll(minutes(4));
    CHECK(s.world.look_ups == before + 2);
}

TEST_CASE("look-ups are bounded in number at a time; warnings in the log too", "[follower]") {
    Setup s;
    Zone big;
    for (int i = 0; i < 1000; i++) {
        big.entries.push_back(
            {fmt::format("h{:04}.example.com.", i), "203.0.113.1", {0, static_cast<uint64_t>(i)}});
    }
    s.world.servers.emplace(kOne, big);
    s.follower->start();
    s.poll();
    CHECK(s.world.look_ups == 1000);
    CHECK(s.world.most_at_once == LookUpRun::kAtATime);
    const auto warnings = std::count_if(s.world.lines.begin(), s.world.lines.end(),
                                        [](const std::string& line) { return line[0] == 'W'; });
    CHECK(warnings == 22);  // 20, how many more, and that nothing is left
    CHECK(s.world.said("W internal:example.com: 980 more like these; -debug tells them"));
}

TEST_CASE("a gateway's address is followed by its TTL", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.world.ttls["gw.example.com."] = 120;
    s.follower->start();
    s.poll();
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097"});
    const auto asked = s.world.look_ups;
    s.world.names["gw.example.com."] = {net::Ip::v4(0xcb007109)};
    s.poll(seconds(119));
    CHECK(s.world.look_ups == asked);
    s.poll(seconds(1));
    CHECK(s.world.look_ups == asked + 1);  // the host itself is not asked for
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.9 + 1097"});
    CHECK(
        s.world.said("I internal:example.com: gw.example.com. has address 203.0.113.9; before, "
                     "it has address 203.0.113.1"));
    s.world.names["gw.example.com."].push_back(net::Ip::v4(0xcb007101));
    s.poll(seconds(120));
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097", "10.0.0.1=203.0.113.9 + 1097"});
    const auto requests = s.mapper.requests;
    std::reverse(s.world.names["gw.example.com."].begin(), s.world.names["gw.example.com."].end());
    s.poll(minutes(10));
    CHECK(s.mapper.requests == requests);  // another order is nothing new
}

TEST_CASE("a TTL of 0 does not make the agent ask all the time", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.world.ttls["gw.example.com."] = 0;
    s.follower->start();
    s.poll();
    const auto asked = s.world.look_ups;
    s.poll(seconds(60));
    CHECK(s.world.look_ups == asked + 6);
    CHECK(LookUpRun::shortest(100'000) == seconds(1000));
}

TEST_CASE("a gateway without an answer keeps its address", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    s.poll();
    s.world.unanswered = {"gw.example.com."};
    s.poll(minutes(6));
    const auto before = s.world.look_ups;
    s.poll(minutes(10));
    CHECK(s.world.look_ups > before);
    CHECK(s.world.look_ups - before < 5);  // ever more rarely
    CHECK(s.held().size() == 1);
}

TEST_CASE("a gateway that does not exist yet is found a minute later", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.world.names.erase("gw.example.com.");
    s.follower->start();
    s.poll();
    CHECK(s.held() == Texts{});
    s.world.names["gw.example.com."] = {net::Ip::v4(0xcb007101)};
    s.poll(minutes(1));
    CHECK(s.held() == Texts{"10.0.0.1=203.0.113.1 + 1097"});
}

TEST_CASE("gateways and hosts of the family that is wanted", "[follower]") {
    FakeWorld world;
    FakeMapper mapper;
    run::Metrics metrics;
    const auto v6 = [](const char* text) { return net::Ip::parse(text).value(); };
    world.servers.emplace(kOne, zone({"a"}));
    world.names["gw.example.com."] = {net::Ip::v4(1), v6("2001:db8::1"), v6("2001:db8::2")};
    world.names["a.internal."] = {net::Ip::v4(2), v6("fd00::a")};
    Follower follower(world, mapper, metrics,
                      parse_source("internal:example.com:192.0.2.1").value(),
                      Families{net::Family::v6, net::Family::v6}, minutes(60));
    follower.start();
    world.pass(seconds(1));
    const auto held = mapper.held["internal:example.com"];
    REQUIRE(held);
    REQUIRE(held->hosts.size() == 2);
    CHECK(held->hosts[0].ip == v6("fd00::a"));
    CHECK(held->hosts[0].ipref.str() == "2001:db8::1 + 1097");
    CHECK(held->hosts[1].ipref.str() == "2001:db8::2 + 1097");
}

TEST_CASE("a retired follower looks nothing up any more", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    s.poll();
    s.follower->retire();
    const auto asked = s.world.look_ups;
    s.poll(minutes(120));
    CHECK(s.world.look_ups == asked);
}

TEST_CASE("the gateway is told how the servers do, when that changes", "[follower]") {
    Setup s("192.0.2.1,192.0.2.2");
    auto& reports = s.mapper.reports;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    CHECK(reports["internal:example.com"].servers.size() == 2);
    s.poll();
    auto report = reports["internal:example.com"];
    CHECK(report.hosts == 0);
    CHECK(report.servers[0].server == kOne);
    CHECK(report.servers[0].serial == 7);
    CHECK(report.servers[0].succeeded_ago == seconds(0));
    CHECK(report.servers[0].next_in == minutes(60));
    CHECK(report.servers[1].error == "no connection");
    CHECK(report.servers[1].next_in == seconds(5));
    CHECK_FALSE(report.servers[1].serial);
    CHECK_FALSE(report.servers[1].succeeded_ago);

    s.world.servers.emplace(kTwo, zone({"a", "c"}));
    s.poll(seconds(5));
    CHECK(reports["internal:example.com"].trouble.find("no majority: 1 of 2") == 0);
    s.world.servers[kOne] = s.world.servers[kTwo] = zone({"a", "zero"});
    s.poll(minutes(61));
    report = reports["internal:example.com"];
    CHECK(report.trouble.empty());
    CHECK(report.hosts == 1);
    CHECK(report.skipped == 1);
    const auto told = s.mapper.reported;
    s.poll(minutes(10));
    CHECK(s.mapper.reported == told);

    s.mapper.up = false;
    s.poll(minutes(60));
    CHECK(s.mapper.reported == told);
    s.mapper.up = true;
    reports.clear();
    s.follower->connected();
    CHECK(reports.size() == 1);
    s.follower->retire();
    CHECK(reports.empty());
    s.follower->connected();
    CHECK(reports.empty());
}

TEST_CASE("what the gateway refuses is part of what it is told", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.mapper.rejected = 1;
    s.follower->start();
    s.poll();
    CHECK(s.mapper.reports["internal:example.com"].trouble == "the gateway refused 1 of 1 host");
    s.mapper.rejected = 0;
    s.mapper.failure = mapper::Failure{mapper::Reason::store, "disk full"};
    s.world.servers[kOne] = zone({"a", "b"});
    s.poll(minutes(60));
    CHECK(s.mapper.reports["internal:example.com"].trouble == "not published: disk full");
    s.mapper.failure.reset();
    s.poll(minutes(60));
    CHECK(s.mapper.reports["internal:example.com"].trouble.empty());
}

TEST_CASE("names without an answer are part of what the gateway is told", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.world.unanswered_names[kOne] = "1 name without an answer";
    s.follower->start();
    s.poll();
    CHECK(s.mapper.reports["internal:example.com"].trouble ==
          std::string(kOne) + ": 1 name without an answer");
    CHECK(s.mapper.reports["internal:example.com"].servers[0].error.empty());
    s.world.unanswered_names.clear();
    s.poll(minutes(60));
    CHECK(s.mapper.reports["internal:example.com"].trouble.empty());
}

TEST_CASE("a follower may go at any time", "[follower]") {
    Setup s;
    s.world.servers.emplace(kOne, zone({"a"}));
    s.follower->start();
    s.follower.reset();
    s.poll(minutes(600));
    CHECK(s.mapper.requests.empty());
}

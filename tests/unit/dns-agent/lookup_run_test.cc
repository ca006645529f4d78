// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/lookup_run.h"

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/fake_world.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

constexpr size_t kMany = LookUpRun::kAtATime + 1;

std::string host(size_t number) {
    return fmt::format("h{}.internal.", number);
}

/// A run over `hosts` hosts and one gateway.
struct Setup {
    FakeWorld world;
    Wanted wanted{{}, {"gw.example.com."}};
    LookUps found;
    bool done = false;

    explicit Setup(size_t hosts) {
        for (size_t i = 0; i < hosts; i++) {
            wanted.hosts.push_back(host(i));
            world.names[host(i)] = {net::Ip::v4(0x0a000000 + static_cast<uint32_t>(i))};
        }
        world.names["gw.example.com."] = {net::Ip::v4(0xcb007101)};
    }
    /// A transfer gives the first `hosts`, each with an address that a look-up does not give.
    void transfer(size_t hosts, const std::vector<std::string>& others = {}) {
        auto records = others;
        for (size_t i = 0; i < hosts; i++) records.push_back(host(i) + " 60 IN A 10.9.9.9");
        auto made = std::make_shared<LocalZone>(dns_name("internal"));
        const auto message = reply_to(query_for("internal", dns::rr::kAxfr), 0, records);
        dns::MessageReader reader(message);
        while (const auto view = reader.record()) REQUIRE(made->add(reader, *view));
        world.local = made;
    }
    void run() {
        LookUpRun run(world, dns_name("internal"), wanted, {}, {},
                      [&](LookUps all, const std::vector<std::string>&) {
                          found = std::move(all);
                          done = true;
                      });
        run.start();
        CHECK_FALSE(done);
        world.pass(Milliseconds(0));
        CHECK(done);
    }
    size_t from_zone() const {
        size_t count = 0;
        for (const auto& [name, one] : found.hosts) {
            count += one.ips == std::vector{net::Ip::v4(0x0a090909)} ? 1u : 0u;
        }
        return count;
    }
};

}  // namespace

TEST_CASE("addresses of many hosts come out of one transfer", "[lookup_run]") {
    Setup s(kMany);
    s.transfer(kMany);
    s.run();
    CHECK(s.world.local_asked == 1);
    CHECK(s.world.look_ups == 1);  // the gateway's
    CHECK(s.found.hosts.size() == kMany);
    CHECK(s.from_zone() == kMany);
    CHECK(s.found.gateways.at("gw.example.com.").ips.size() == 1);
}

TEST_CASE("few are looked up one by one", "[lookup_run]") {
    Setup s(kMany - 1);
    s.transfer(kMany - 1);
    s.run();
    CHECK(s.world.local_asked == 0);
    CHECK(s.world.look_ups == kMany);
}

TEST_CASE("where the zone is refused, all are looked up", "[lookup_run]") {
    Setup s(kMany);
    s.run();
    CHECK(s.world.local_asked == 1);
    CHECK(s.world.look_ups == kMany + 1);
    CHECK(s.world.most_at_once <= LookUpRun::kAtATime);
    CHECK(s.found.hosts.size() == kMany);
}

TEST_CASE("what the zone does not know is looked up", "[lookup_run]") {
    Setup s(kMany);
    s.transfer(kMany - 2, {host(kMany - 2) + " 60 IN CNAME www.example.net."});
    s.run();
    CHECK(s.from_zone() == kMany - 2);
    CHECK(s.world.look_ups == 2);  // the CNAME that leads out, and the gateway
    CHECK(s.found.hosts.at(host(kMany - 1)).why == "does not exist");
}

TEST_CASE("nothing to look up is no reason to stay silent", "[lookup_run]") {
    Setup s(kMany);
    s.transfer(kMany);
    s.wanted.gateways.clear();
    s.run();
    CHECK(s.found.hosts.size() == kMany);
    Setup none(0);
    none.wanted.gateways.clear();
    none.run();
}

TEST_CASE("a run may go while the zone is on its way", "[lookup_run]") {
    Setup s(kMany);
    {
        LookUpRun run(s.world, dns_name("internal"), s.wanted, {}, {},
                      [&](const LookUps&, const std::vector<std::string>&) { s.done = true; });
        run.start();
    }
    s.world.pass(Milliseconds(0));
    CHECK_FALSE(s.done);
}

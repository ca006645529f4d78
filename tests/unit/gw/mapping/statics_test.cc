// SPDX-License-Identifier: GPL-2.0-or-later
// Owners, their sets, and who wins.
#include "fixture.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

TEST_CASE("a new set replaces the owner's old one", "[statics]") {
    Site site;
    const auto web = local("192.168.1.6", "203.0.113.1", "1025");
    const auto ssh = local("192.168.1.7", "203.0.113.1", "1026");
    const auto db = local("192.168.1.8", "203.0.113.1", "1027");
    CHECK(site.table.replace(kAgent, {web, ssh}, 1).rejected == 0);
    CHECK(site.table.replace(kAgent, {ssh, db}, 2).rejected == 0);
    CHECK(!site.table.host(web.ipref));
    CHECK(site.table.host(ssh.ipref) == ssh.ip);
    CHECK(site.table.host(db.ipref) == db.ip);
    CHECK(site.table.hash_of(kAgent.name) == 2u);
    CHECK(site.table.count(Relation::local) == 2);
    CHECK(site.table.withdraw(kAgent.name));
    CHECK(!site.table.withdraw(kAgent.name));
    CHECK(site.table.count(Relation::local) == 0);
}

TEST_CASE("a set is one unit of the journal", "[statics]") {
    Site site;
    Kept journal;
    site.table.journal(&journal);
    site.table.replace(
        kAgent,
        {local("192.168.1.6", "203.0.113.1", "1025"), local("192.168.1.7", "203.0.113.1", "1026")},
        1);
    REQUIRE(journal.units.size() == 1);
    CHECK(journal.units[0].size() == 3);
    site.table.journal(nullptr);
}

TEST_CASE("changes to a set", "[statics]") {
    Site site;
    const auto web = local("192.168.1.6", "203.0.113.1", "1025");
    const auto moved = local("192.168.1.60", "203.0.113.1", "1025");
    const auto ssh = local("192.168.1.7", "203.0.113.1", "1026");
    site.table.replace(kAgent, {web}, 1);
    CHECK(site.table.change(kAgent, {ssh}, {}, 2).rejected == 0);
    CHECK(site.table.host(web.ipref) == web.ip);
    CHECK(site.table.host(ssh.ipref) == ssh.ip);
    CHECK(site.table.change(kAgent, {moved}, {web, ssh}, 3).rejected == 0);
    CHECK(site.table.host(web.ipref) == moved.ip);
    CHECK(!site.table.host(ssh.ipref));
    CHECK(site.table.confirm(kAgent.name, 3, 1));
}

TEST_CASE("a static wins over a dynamic ref", "[statics]") {
    Site site;
    const auto ours = site.table.ours(ip("192.168.1.5"), v4).value();
    CHECK(site.table.replace(kAgent, {{Relation::local, ip("192.168.1.9"), ours}}, 1).rejected ==
          0);
    CHECK(site.table.host(ours) == ip("192.168.1.9"));
    const auto again = site.table.ours(ip("192.168.1.5"), v4);
    REQUIRE(again);
    CHECK(*again != ours);
}

TEST_CASE("a static wins over a dynamic encoded address", "[statics]") {
    Site site;
    const auto ea = site.table.ea(at("198.51.100.7", "1"), v4).value();
    const auto other = site.table.ea(at("198.51.100.7", "2"), v4).value();
    std::vector<net::IpRef> dropped;
    site.table.on_dropped([&](const auto& gone) { dropped = gone; });
    // It claims the EA of the one and the IPREF address of the other.
    const StaticMapping mapping{Relation::remote, ea, at("198.51.100.7", "2")};
    CHECK(site.table.replace(kHosts, {mapping}, {}).rejected == 0);
    CHECK(site.table.theirs(ea) == at("198.51.100.7", "2"));
    CHECK(!site.table.theirs(other));
    CHECK(site.table.ea(at("198.51.100.7", "2"), v4) == ea);
    CHECK(dropped.size() == 2);
    CHECK(site.table.count(Relation::remote) == 1);
}

TEST_CASE("a static that says what a dynamic mapping says takes it over", "[statics]") {
    Site site;
    const auto ea = site.table.ea(at("198.51.100.7", "1"), v4).value();
    CHECK(site.table.replace(kHosts, {{Relation::remote, ea, at("198.51.100.7", "1")}}, {})
              .rejected == 0);
    site.later(kMappingLife);
    site.sweep_all();
    CHECK(site.table.theirs(ea) == at("198.51.100.7", "1"));
}

TEST_CASE("among agents who came first keeps it, the hosts file wins", "[statics]") {
    Site site;
    const auto first = local("192.168.1.6", "203.0.113.1", "1025");
    const auto second = local("192.168.1.7", "203.0.113.1", "1025");
    const auto hosts = local("192.168.1.8", "203.0.113.1", "1025");
    site.table.replace(kAgent, {first}, 1);
    const auto refused = site.table.replace(kOther, {second}, 2);
    CHECK(refused.rejected == 1);
    CHECK(refused.reasons.at(0) ==
          "192.168.1.7 = 203.0.113.1 + 1025: held by internal:example.com");
    CHECK(site.table.host(first.ipref) == first.ip);
    CHECK(site.table.confirm(kOther.name, 2, 1));  // what was refused counts as held
    CHECK(site.table.replace(kHosts, {hosts}, {}).rejected == 0);
    CHECK(site.table.host(first.ipref) == hosts.ip);
    CHECK(!site.table.confirm(kAgent.name, 1, 1));  // the agent is to send again
    CHECK(site.table.replace(kAgent, {first}, 1).rejected == 1);
    CHECK(site.table.host(first.ipref) == hosts.ip);
    site.table.withdraw(kHosts.name);
    CHECK(!site.table.confirm(kOther.name, 2, 1));  // it is free now: send again
    CHECK(site.table.replace(kOther, {second}, 2).rejected == 0);
}

TEST_CASE("several refs of one host: all inwards, the newest outwards", "[statics]") {
    MappingConfig config = site();
    config.gateways.push_back(ip("2001:db8::1"));
    Site site(config);
    site.table.replace(
        kAgent,
        {local("192.168.1.6", "203.0.113.1", "1025"), local("192.168.1.6", "2001:db8::1", "1025"),
         local("192.168.1.6", "203.0.113.9", "77")},
        1);
    CHECK(site.table.host(at("203.0.113.1", "1025")) == ip("192.168.1.6"));
    CHECK(site.table.host(at("203.0.113.9", "77")) == ip("192.168.1.6"));
    CHECK(site.table.host(at("2001:db8::1", "1025")) == ip("192.168.1.6"));
    CHECK(!site.table.host(at("203.0.113.1", "77")));
    CHECK(site.table.ours(ip("192.168.1.6"), v4) == at("203.0.113.9", "77"));
    CHECK(site.table.ours(ip("192.168.1.6"), v6) == at("2001:db8::1", "1025"));
    site.table.change(kAgent, {}, {local("192.168.1.6", "203.0.113.9", "77")}, 2);
    CHECK(site.table.ours(ip("192.168.1.6"), v4) == at("203.0.113.1", "1025"));
}

TEST_CASE("what a set may not hold is refused alone", "[statics]") {
    Site site;
    const std::vector<StaticMapping> bad = {
        local("10.240.3.4", "203.0.113.1", "1025"),   // inside the encode network
        local("224.0.0.5", "203.0.113.1", "1025"),    // not unicast
        local("192.168.1.6", "127.0.0.1", "1025"),    // gw not unicast
        local("192.168.1.6", "0.0.0.0", "1025"),      // we have a public address
        local("192.168.1.6", "10.240.0.9", "1025"),   // gw inside the encode network
        local("192.168.1.6", "2001:db8::5", "1025"),  // no IPv6 tunnel
        local("192.168.1.6", "203.0.113.1", "1"),     // the gateway's own
        remote("10.1.1.1", "198.51.100.7", "22"),     // outside the encode network
        remote("10.240.0.1", "198.51.100.7", "22"),   // the gateway's own
        remote("10.240.0.2", "224.0.0.1", "22"),      // gw not unicast
        remote("fd00::2", "198.51.100.7", "22"),      // no IPv6 encode network
    };
    auto set = bad;
    set.push_back(local("192.168.1.7", "203.0.113.1", "1026"));
    set.push_back(local("192.168.1.8", "203.0.113.1", "1026"));  // the set holds it twice
    const auto outcome = site.table.replace(kAgent, set, 1);
    CHECK(outcome.rejected == bad.size() + 1);
    CHECK(outcome.reasons.size() == 8);
    CHECK(site.table.count(Relation::local) == 1);
    CHECK(site.table.count(Relation::remote) == 0);
    CHECK(site.table.host(at("203.0.113.1", "1026")) == ip("192.168.1.7"));
    CHECK(site.table.confirm(kAgent.name, 1, static_cast<uint32_t>(set.size())));
}

TEST_CASE("sources and statics have a limit", "[statics]") {
    MappingConfig config = site();
    config.limits.owners = 1;
    config.limits.statics = 1;
    Site site(config);
    CHECK(site.table
              .replace(kAgent,
                       {local("192.168.1.6", "203.0.113.1", "1025"),
                        local("192.168.1.7", "203.0.113.1", "1026")},
                       1)
              .rejected == 1);
    CHECK(site.table.replace(kOther, {}, 1).rejected == 1);
    CHECK(site.table.owners().size() == 1);
}

TEST_CASE("an address that a static has freed rests, if it could be given out", "[statics]") {
    Site site;
    const auto freed = site.table.encode(at("198.51.100.7", "1001"), v4).value().ea;
    Kept journal;
    site.table.journal(&journal);
    site.table.replace(kHosts, {remote("10.240.0.9", "198.51.100.7", "1001")}, {});
    CHECK(site.table.resting() == 1);
    REQUIRE(journal.units.size() == 1);
    const auto* record = std::get_if<MappingRecord>(&journal.units[0].at(0));
    REQUIRE(record != nullptr);
    CHECK((record->resting && record->ip == freed && record->used == kStart));

    site.table.replace(kHosts, {remote("10.240.77.9", "198.51.100.7", "1001")}, {});
    CHECK(site.table.resting() == 1);  // 10.240.0.9 is never given out
    site.table.replace(kHosts, {}, {});
    CHECK(site.table.resting() == 2);
    site.table.replace(kHosts, {{Relation::remote, freed, at("198.51.100.8", "1")}}, {});
    CHECK(site.table.resting() == 1);
    for (const auto& change : journal.units[2]) {
        const auto* kept = std::get_if<MappingRecord>(&change);
        CHECK((kept == nullptr || kept->owner == kDynamic));  // the owner may go before it
    }
    site.table.journal(nullptr);
}

TEST_CASE("an agent sends again what another set has let go of", "[statics]") {
    Site site;
    const auto hosts = local("192.168.1.1", "203.0.113.1", "1001");
    const auto agents = local("192.168.1.2", "203.0.113.1", "1001");
    CHECK(site.table.replace(kHosts, {hosts}, {}).rejected == 0);
    CHECK(site.table.replace(kAgent, {agents}, 1).rejected == 1);
    CHECK(site.table.confirm(kAgent.name, 1, 1));
    CHECK(site.table.takes_change(kAgent.name, 1));
    site.table.replace(kHosts, {}, {});
    CHECK(!site.table.confirm(kAgent.name, 1, 1));
    CHECK(!site.table.takes_change(kAgent.name, 1));
    CHECK(site.table.hash_of(kAgent.name) == 1u);  // V1: further packets of the set still add to it
    CHECK(site.table.change(kAgent, {agents}, {}, 1).rejected == 0);
    CHECK(site.table.confirm(kAgent.name, 1, 1));
}

TEST_CASE("under a public address of zero a static's ref is nobody else's", "[statics]") {
    auto config = site();
    config.gateways = {ip("0.0.0.0")};
    Site site(config);
    const auto made = site.table.ours(ip("192.168.1.1"), v4);
    REQUIRE(made);
    const StaticMapping mapping{Relation::local, ip("192.168.1.2"), {ip("203.0.113.7"), made->ref}};
    CHECK(site.table.replace(kHosts, {mapping}, {}).rejected == 0);
    CHECK(site.table.host({ip("198.51.100.1"), made->ref}) == ip("192.168.1.2"));
    CHECK(!site.table.known_ours(ip("192.168.1.1"), v4));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Expiry with a clock of our own, restoring, listings.
#include <map>
#include <set>

#include "fixture.h"
#include "gw/mapping/expiry.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

TEST_CASE("when a life is over", "[expiry]") {
    CHECK(!has_expired(100, 100, 10));
    CHECK(!has_expired(100, 109, 10));
    CHECK(has_expired(100, 110, 10));
    CHECK(!has_expired(110, 100, 10));
    CHECK(left_of(100, 109, 10) == 1);
    CHECK(left_of(100, 110, 10) == 0);
    CHECK(left_of(110, 100, 10) == 10);
}

TEST_CASE("the clock never goes back", "[expiry]") {
    Clock clock;
    clock.set(100);
    clock.set(50);
    CHECK(clock.now() == 100);
}

TEST_CASE("a mapping without use expires, one in use does not", "[expiry]") {
    Site site;
    const auto idle = site.table.ea(at("198.51.100.7", "1001"), v4).value();
    const auto busy = site.table.ea(at("198.51.100.7", "1002"), v4).value();
    const auto host = site.table.ours(ip("192.168.1.5"), v4).value();
    std::vector<net::IpRef> dropped;
    site.table.on_dropped([&](const auto& gone) { dropped = gone; });
    site.later(kMappingLife - 1);
    CHECK(site.table.theirs(busy));
    site.sweep_all();
    CHECK(site.table.count(Relation::remote) == 2);
    site.later(1);
    site.sweep_all();
    CHECK(!site.table.theirs(idle));
    CHECK(!site.table.host(host));
    CHECK(site.table.theirs(busy));
    CHECK(dropped == std::vector{at("198.51.100.7", "1001")});
    CHECK(site.table.resting() == 2);
}

TEST_CASE("each way of using a mapping keeps it", "[expiry]") {
    Site site;
    const auto remote = at("198.51.100.7", "1001");
    const auto ea = site.table.ea(remote, v4).value();
    const auto ours = site.table.ours(ip("192.168.1.5"), v4).value();
    for (int i = 0; i < 6; i++) {
        site.later(kMappingLife - 60);
        i % 2 == 0 ? (void)site.table.theirs(ea) : (void)site.table.ea(remote, v4);
        i % 2 == 0 ? (void)site.table.host(ours) : (void)site.table.ours(ip("192.168.1.5"), v4);
        site.sweep_all();
    }
    CHECK(site.table.count(Relation::remote) == 1);
    CHECK(site.table.count(Relation::local) == 1);
}

TEST_CASE("an expired number rests before it is given out again", "[expiry]") {
    MappingConfig config = site();
    config.encode_nets = {net::Cidr::parse("10.240.0.0/19").value()};
    Site site(config);
    uint64_t made = 0;
    while (site.table.encode({ip("198.51.100.7"), {0, made}}, v4)) made++;
    site.later(kMappingLife);
    site.sweep_all();
    CHECK(site.table.resting() == made);
    CHECK(site.table.encode(at("198.51.100.8", "1"), v4).error() == Refusal::exhausted);
    site.later(kMappingRest - 1);
    site.sweep_all();
    CHECK(site.table.encode(at("198.51.100.8", "1"), v4).error() == Refusal::exhausted);
    site.later(1);
    site.sweep_all();
    CHECK(site.table.resting() == 0);
    CHECK(site.table.encode(at("198.51.100.8", "1"), v4).has_value());
}

TEST_CASE("sweeping in slices sees everything", "[expiry]") {
    Site site;
    for (uint64_t i = 0; i < 100; i++) {
        REQUIRE(site.table.encode({ip("198.51.100.7"), {0, i}}, v4));
        REQUIRE(site.table.ours(net::Ip::v4(static_cast<uint32_t>(0xc0a80001 + i)), v4));
    }
    site.later(kMappingLife);
    for (int i = 0; i < 29; i++) site.table.sweep(7);
    CHECK(site.table.count(Relation::remote) == 0);
    CHECK(site.table.count(Relation::local) == 0);
    CHECK(site.table.resting() == 200);
}

TEST_CASE("an agent's source that is not confirmed expires", "[expiry]") {
    Site site;
    site.table.replace(kAgent, {local("192.168.1.6", "203.0.113.1", "1025")}, 42);
    site.table.replace(kHosts, {local("192.168.1.7", "203.0.113.1", "1026")}, {});
    site.later(kMappingLife - 1);
    CHECK(site.table.confirm(kAgent.name, 42, 1));
    site.later(kMappingLife - 1);
    site.sweep_all();
    CHECK(site.table.host(at("203.0.113.1", "1025")));
    site.later(1);
    site.sweep_all();
    CHECK(!site.table.host(at("203.0.113.1", "1025")));
    CHECK(site.table.host(at("203.0.113.1", "1026")));
    CHECK(!site.table.confirm(kAgent.name, 42, 1));
    CHECK(site.table.owners().size() == 1);
}

TEST_CASE("what was journalled restores the same table", "[restore]") {
    Site before;
    const auto ea = before.table.ea(at("198.51.100.7", "1001"), v4).value();
    const auto idle = before.table.ea(at("198.51.100.7", "9"), v4).value();
    before.later(kMappingLife);
    before.table.theirs(ea);
    before.sweep_all();
    before.table.replace(
        kAgent,
        {local("192.168.1.6", "203.0.113.1", "1025"), local("192.168.1.6", "203.0.113.1", "1026")},
        42);
    const auto ours = before.table.ours(ip("192.168.1.5"), v4).value();

    Clock clock;
    clock.set(before.clock.now());
    Table after(site(), clock);
    for (const auto& change : before.table.snapshot()) {
        if (const auto* owner = std::get_if<OwnerRecord>(&change)) {
            CHECK(after.restore(*owner));
        } else {
            CHECK(after.restore(std::get<MappingRecord>(change)));
        }
    }
    CHECK(after.theirs(ea) == at("198.51.100.7", "1001"));
    CHECK(!after.theirs(idle));
    CHECK(after.resting() == 1);
    CHECK(after.host(ours) == ip("192.168.1.5"));
    CHECK(after.ours(ip("192.168.1.6"), v4) == before.table.ours(ip("192.168.1.6"), v4));
    CHECK(after.confirm(kAgent.name, 42, 2));
    CHECK(after.ours(ip("192.168.1.9"), v4));
}

TEST_CASE("a lifetime that a resolver is told outlives a crash", "[restore]") {
    Site before;
    Kept journal;
    before.table.journal(&journal);
    const auto remote = at("198.51.100.7", "1001");
    const auto ea = before.table.encode(remote, v4).value().ea;
    before.later(kMappingLife - 1);
    const auto told = before.table.encode(remote, v4).value();
    CHECK(told.ea == ea);
    before.table.journal(nullptr);

    Clock clock;
    clock.set(before.clock.now());
    Table after(site(), clock);
    CHECK(after.restore(std::get<MappingRecord>(journal.units.back().back())));
    clock.set(before.clock.now() + told.lifetime - 1);
    after.sweep(SIZE_MAX);
    CHECK(after.theirs(ea) == remote);
}

TEST_CASE("what does not fit the configuration is not restored", "[restore]") {
    Site site;
    MappingRecord record{.ip = ip("10.1.2.3"), .ipref = at("198.51.100.7", "1")};
    CHECK(!site.table.restore(record));
    record.ip = ip("10.240.0.1");
    CHECK(!site.table.restore(record));
    record.ip = ip("10.240.17.1");
    record.owner = 99;
    CHECK(!site.table.restore(record));
    record.owner = kDynamic;
    CHECK(site.table.restore(record));
}

TEST_CASE("pages show every mapping", "[page]") {
    Site site;
    site.table.replace(kAgent, {local("192.168.1.6", "203.0.113.1", "1025")}, {});
    for (uint64_t i = 0; i < 25; i++) {
        REQUIRE(site.table.encode({ip("198.51.100.7"), {0, i}}, v4));
    }
    std::set<net::IpRef> seen;
    std::map<std::string, int> owners;
    uint64_t cursor = 0;
    int pages = 0;
    for (;;) {
        const auto page = site.table.page(cursor, 10, {});
        pages++;
        for (const auto& row : page.rows) {
            CHECK(seen.insert(row.ipref).second);
            owners[row.owner]++;
            CHECK((row.owner == "dynamic") == (row.lifetime > 0));
        }
        if (!page.next) break;
        cursor = *page.next;
    }
    CHECK(pages == 3);
    for (const auto& row : site.table.page(0, 2, {}).rows) CHECK(row.relation == Relation::local);
    CHECK(owners == std::map<std::string, int>{{"dynamic", 25}, {"gateway", 1}, {kAgent.name, 1}});
}

TEST_CASE("pages with a filter", "[page]") {
    Site site;
    site.table.replace(kAgent, {local("192.168.1.6", "203.0.113.1", "1025")}, {});
    const auto ea = site.table.encode(at("198.51.100.7", "5"), v4).value().ea;
    const auto rows = [&](const MappingFilter& filter) {
        return site.table.page(0, 100, filter).rows.size();
    };
    CHECK(rows({.ip = ea, .gw = {}, .ref = {}, .owner = ""}) == 1);
    CHECK(rows({.ip = {}, .gw = ip("203.0.113.1"), .ref = {}, .owner = ""}) == 2);
    CHECK(rows({.ip = {}, .gw = {}, .ref = net::Ref{0, 5}, .owner = ""}) == 1);
    CHECK(rows({.ip = {}, .gw = {}, .ref = {}, .owner = kAgent.name}) == 1);
    CHECK(rows({.ip = {}, .gw = {}, .ref = {}, .owner = "nobody"}) == 0);
}

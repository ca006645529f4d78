// SPDX-License-Identifier: GPL-2.0-or-later
// Dynamic mappings and the four look-ups.
#include "gw/mapping/table.h"

#include "fixture.h"
#include "gw/mapping/allocator.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

TEST_CASE("a remote host gets an encoded address, once", "[table]") {
    Site site;
    const auto remote = at("198.51.100.7", "1001");
    const auto ea = site.table.ea(remote, v4);
    REQUIRE(ea);
    CHECK(is_dynamic_address(site.table.config().encode_nets[0], *ea));
    CHECK(site.table.ea(remote, v4) == ea);
    CHECK(site.table.theirs(*ea) == remote);
    CHECK(site.table.encode(remote, v4).value().ea == *ea);
    CHECK(site.table.count(Relation::remote) == 1);
    CHECK(!site.table.theirs(ip("10.240.99.99")));
}

TEST_CASE("a resolver is told the lifetime, and its asking counts as use", "[table]") {
    Site site;
    const auto remote = at("198.51.100.7", "1001");
    CHECK(site.table.encode(remote, v4).value().lifetime == kMappingLife);
    site.later(3 * 3600);
    CHECK(site.table.encode(remote, v4).value().lifetime == kMappingLife);
    site.later(3 * 3600);
    site.sweep_all();
    CHECK(site.table.count(Relation::remote) == 1);
}

TEST_CASE("a local host that sends first gets a ref", "[table]") {
    Site site;
    const auto ours = site.table.ours(ip("192.168.1.5"), v4);
    REQUIRE(ours);
    CHECK(ours->ip == ip("203.0.113.1"));
    CHECK(site.table.ours(ip("192.168.1.5"), v4) == ours);
    CHECK(site.table.host(*ours) == ip("192.168.1.5"));
    CHECK(site.table.host({ip("0.0.0.0"), ours->ref}) == ip("192.168.1.5"));
    CHECK(!site.table.host({ip("203.0.113.9"), ours->ref}));
    CHECK(!site.table.ours(ip("192.168.1.5"), v6));
}

TEST_CASE("quoted packets neither make mappings nor keep them", "[table]") {
    Site site;
    CHECK(!site.table.known_ours(ip("192.168.1.5"), v4));
    CHECK(!site.table.known_ea(at("198.51.100.7", "1001"), v4));
    const auto ours = site.table.ours(ip("192.168.1.5"), v4);
    const auto ea = site.table.ea(at("198.51.100.7", "1001"), v4);
    site.later(kMappingLife);
    CHECK(site.table.known_ours(ip("192.168.1.5"), v4) == ours);
    CHECK(site.table.known_ea(at("198.51.100.7", "1001"), v4) == ea);
    site.sweep_all();
    CHECK(site.table.count(Relation::remote) == 0);
}

TEST_CASE("who never gets a mapping", "[table]") {
    Site site;
    for (const auto* gw :
         {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.240.1.1", "169.254.1.1"}) {
        CAPTURE(gw);
        CHECK(!site.table.ea(at(gw, "1001"), v4));
        CHECK(site.table.encode(at(gw, "1001"), v4).error() == Refusal::not_unicast);
    }
    CHECK(site.table.encode(at("2001:db8::1", "1001"), v4).error() == Refusal::family);
    CHECK(site.table.encode(at("198.51.100.7", "1001"), v6).error() == Refusal::family);
    for (const auto* host : {"10.241.0.9", "0.0.0.0", "127.0.0.1", "224.0.0.1", "169.254.1.1"}) {
        CAPTURE(host);
        CHECK(!site.table.ours(ip(host), v4));
    }
    CHECK(site.table.count(Relation::remote) == 0);
    CHECK(site.table.count(Relation::local) == 0);
}

TEST_CASE("the gateway's own addresses", "[table]") {
    Site site;
    CHECK(site.table.ours(ip("10.240.0.1"), v4) == at("203.0.113.1", "1"));
    CHECK(site.table.host(at("203.0.113.1", "1")) == ip("10.240.0.1"));
    CHECK(site.table.host(at("0.0.0.0", "1")) == ip("10.240.0.1"));
    CHECK(!site.table.theirs(ip("10.240.0.1")));
    CHECK(site.table.count(Relation::local) == 0);
}

TEST_CASE("two families a side", "[table]") {
    MappingConfig config = site();
    config.encode_nets.push_back(net::Cidr::parse("fd00:240::/64").value());
    config.gateways.push_back(ip("2001:db8::1"));
    Site site(config);
    const auto ea4 = site.table.ea(at("2001:db8:9::7", "1001"), v4);
    const auto ea6 = site.table.ea(at("2001:db8:9::7", "1001"), v6);
    REQUIRE((ea4 && ea6));
    CHECK(ea4->is_v4());
    CHECK(ea6->is_v6());
    CHECK(site.table.theirs(*ea4) == site.table.theirs(*ea6));
    const auto by4 = site.table.ours(ip("192.168.1.5"), v4);
    const auto by6 = site.table.ours(ip("192.168.1.5"), v6);
    REQUIRE((by4 && by6));
    CHECK(by4->ip == ip("203.0.113.1"));
    CHECK(by6->ip == ip("2001:db8::1"));
    CHECK(site.table.host(*by6) == ip("192.168.1.5"));
    CHECK(site.table.ours(ip("fd00:240::1"), v4) == at("203.0.113.1", "1"));
    CHECK(site.table.host(at("203.0.113.1", "1")) == ip("10.240.0.1"));
    CHECK(site.table.default_ea_family() == v4);
}

TEST_CASE("a public address of zero leaves the context open", "[table]") {
    MappingConfig config = site();
    config.gateways = {ip("0.0.0.0")};
    Site site(config);
    const auto ours = site.table.ours(ip("192.168.1.5"), v4);
    REQUIRE(ours);
    CHECK(ours->ip.is_zero());
    CHECK(site.table.host({ip("198.51.100.1"), ours->ref}) == ip("192.168.1.5"));
    CHECK(site.table.host({ip("0.0.0.0"), ours->ref}) == ip("192.168.1.5"));

    const auto published = local("192.168.1.6", "203.0.113.77", "1025");
    CHECK(site.table.replace(kAgent, {published}, {}).rejected == 0);
    CHECK(site.table.host(at("203.0.113.77", "1025")) == ip("192.168.1.6"));
    CHECK(site.table.host(at("203.0.113.78", "1025")) == ip("192.168.1.6"));
    CHECK(site.table.host(at("0.0.0.0", "1025")) == ip("192.168.1.6"));
    CHECK(site.table.ours(ip("192.168.1.6"), v4) == at("0.0.0.0", "1025"));
}

TEST_CASE("packets fill a share of the encode network, resolvers the rest", "[table]") {
    MappingConfig config = site();
    config.encode_nets = {net::Cidr::parse("10.240.0.0/19").value()};
    config.limits.gateway_burst = config.limits.total_burst = 1'000'000;
    Site site(config);
    const uint64_t space = dynamic_addresses(config.encode_nets[0]);
    uint64_t by_packets = 0;
    for (uint64_t i = 0; i < space; i++) {
        by_packets += site.table.ea({ip("198.51.100.7"), {0, 1000 + i}}, v4).has_value() ? 1 : 0;
    }
    CHECK(by_packets == space / 2);
    const Usage half = site.table.usage().front();
    CHECK(half.held == by_packets);
    CHECK(half.for_packets == by_packets);
    CHECK(half.limit == space);
    CHECK(site.table.encode(at("198.51.100.8", "7"), v4).has_value());
    for (uint64_t i = by_packets + 1; i < space; i++) {
        REQUIRE(site.table.encode({ip("198.51.100.9"), {0, i}}, v4).has_value());
    }
    CHECK(site.table.count(Relation::remote) == space);
    CHECK(site.table.encode(at("198.51.100.10", "7"), v4).error() == Refusal::exhausted);
    CHECK(site.table.encode(at("198.51.100.8", "7"), v4).has_value());
}

TEST_CASE("packets of one remote gateway meet its rate", "[table]") {
    MappingConfig config = site();
    config.limits.gateway_burst = 10;
    Site site(config);
    int made = 0;
    for (uint64_t i = 0; i < 100; i++) {
        made += site.table.ea({ip("198.51.100.7"), {0, 1000 + i}}, v4).has_value() ? 1 : 0;
    }
    CHECK(made == 10);
    CHECK(site.table.ea(at("198.51.100.8", "1"), v4).has_value());
    CHECK(site.table.encode(at("198.51.100.7", "5"), v4).has_value());
}

TEST_CASE("every new mapping is journalled, hits are not", "[table]") {
    Site site;
    Kept journal;
    site.table.journal(&journal);
    const auto ea = site.table.ea(at("198.51.100.7", "1001"), v4);
    site.table.ea(at("198.51.100.7", "1001"), v4);
    REQUIRE(journal.units.size() == 1);
    const auto& record = std::get<MappingRecord>(journal.units[0].at(0));
    CHECK(record.ip == ea);
    CHECK(record.ipref == at("198.51.100.7", "1001"));
    CHECK(record.used == kStart);
    site.table.journal(nullptr);
}

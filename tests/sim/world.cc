// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/world.h"

#include <algorithm>

namespace ipref::gw::sim {

namespace {

net::Ip ip(const std::string& text) {
    return net::Ip::parse(text).value();
}

net::Cidr cidr(const char* text) {
    return net::Cidr::parse(text).value();
}

}  // namespace

World::World(Chance& chance) : domains{"a.example", "b.example", "c.example"} {
    const size_t families = chance.below(4);  // 4/4, 6/6, both, 4/4 with a public address of zero
    const bool has4 = families != 1;
    const bool has6 = families == 1 || families == 2;
    const bool zero = families == 3;
    if (has4) config.encode_nets.push_back(cidr("10.240.0.0/19"));
    if (has6) config.encode_nets.push_back(cidr("fd01:240::/112"));
    if (has4) config.gateways.push_back(ip(zero ? "0.0.0.0" : "203.0.113.1"));
    if (has6) config.gateways.push_back(ip("2001:db8::1"));
    if (chance.one_in(2)) config.limits.dynamic = chance.from_to(12, 40);
    if (chance.one_in(4)) config.limits.statics = chance.from_to(6, 20);
    if (chance.one_in(4)) config.limits.gateway_burst = config.limits.gateway_rate = 2;
    for (uint64_t ref = 1; ref <= 8; ref++) {
        if (has4) remotes.push_back({ip(fmt::format("198.51.100.{}", 1 + ref % 3)), {0, ref}});
        if (has6) remotes.push_back({ip(fmt::format("2001:db8:5::{}", 1 + ref % 3)), {0, ref}});
    }
    for (int i = 1; i <= 6; i++) {
        if (has4) hosts.push_back(ip(fmt::format("192.168.0.{}", i)));
        if (has6) hosts.push_back(ip(fmt::format("fd00::{}", i)));
    }
    const std::vector<uint64_t> refs{0x101, 0x102, 0x103, 0x104, 0x105, 0x106, 0x1001, 0x1002};
    for (const uint64_t ref : refs) {
        if (has4) published.push_back({ip("203.0.113.1"), {0, ref}});
        if (has6) published.push_back({ip("2001:db8::1"), {0, ref}});
        if (zero && ref < 0x104) published.push_back({ip("203.0.113.7"), {0, ref}});
    }
    for (const char* number : {"3", "4", "1003", "1004", "1101"}) {
        const auto value = std::stoul(number, nullptr, 16);
        if (has4) {
            static_eas.push_back(ip(fmt::format("10.240.{}.{}", value >> 8, value & 0xff)));
        }
        if (has6) static_eas.push_back(ip(fmt::format("fd01:240::{:x}", value)));
    }
}

net::Family World::ea_family(Chance& chance) const {
    return chance.of(config.encode_nets).family();
}

net::Family World::gw_family(Chance& chance) const {
    return chance.of(config.gateways).family();
}

std::vector<wire::Host> World::agents_set(Chance& chance) const {
    std::vector<wire::Host> set;
    const size_t share = 1 + chance.below(4);
    for (const auto& ipref : published) {
        if (chance.below(4) < share) set.push_back({chance.of(hosts), ipref});
    }
    if (chance.one_in(12)) set.push_back({static_eas.front(), published.front()});
    if (chance.one_in(12)) set.push_back({hosts.back(), published.back()});
    return set;
}

std::vector<StaticMapping> World::hosts_file(Chance& chance) const {
    std::vector<StaticMapping> set;
    for (const auto& ipref : published) {
        if (chance.one_in(6)) set.push_back({Relation::local, chance.of(hosts), ipref});
    }
    for (const auto& ea : static_eas) {
        if (chance.one_in(3)) set.push_back({Relation::remote, ea, chance.of(remotes)});
    }
    return set;
}

bool World::fits(const StaticMapping& mapping) const {
    const auto* gateway = config.gateway(mapping.ipref.ip.family());
    if (gateway == nullptr) return false;
    return mapping.relation == Relation::remote || !config.in_encode_net(mapping.ip);
}

}  // namespace ipref::gw::sim

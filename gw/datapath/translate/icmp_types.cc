// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/icmp_types.h"

#include <array>

namespace ipref::gw {

namespace {

constexpr std::array<IcmpMapping, 9> kMappings{{
    // tunnel, IPv4, IPv6, error, mtu
    {{8, 0}, {8, 0}, {128, 0}, false, false},  // echo request
    {{0, 0}, {0, 0}, {129, 0}, false, false},  // echo reply
    {{3, 0}, {3, 0}, {1, 0}, true, false},     // net unreachable
    {{3, 1}, {3, 1}, {1, 3}, true, false},     // host unreachable
    {{3, 2}, {3, 3}, {1, 4}, true, false},     // port unreachable
    {{3, 4}, {3, 4}, {2, 0}, true, true},      // fragmentation needed
    {{3, 13}, {3, 13}, {1, 1}, true, false},   // administratively prohibited
    {{11, 0}, {11, 0}, {3, 0}, true, false},   // TTL exceeded
    {{11, 1}, {11, 1}, {3, 1}, true, false},   // reassembly time exceeded
}};

}  // namespace

std::span<const IcmpMapping> icmp_mappings() {
    return kMappings;
}

const IcmpMapping* find_icmp(IcmpSide side, const IcmpType& type) {
    for (const auto& mapping : kMappings) {
        if (mapping.on(side) == type) return &mapping;
    }
    return nullptr;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP types and codes on the three sides: tunnel, IPv4, IPv6. Source: spec "The IPREF
// protocol", section "ICMP".
#pragma once

#include <cstdint>
#include <span>

#include "common/net/ip.h"

namespace ipref::gw {

enum class IcmpSide : uint8_t { tunnel, v4, v6 };

constexpr IcmpSide icmp_side(net::Family family) {
    return family == net::Family::v4 ? IcmpSide::v4 : IcmpSide::v6;
}

struct IcmpType {
    uint8_t type = 0;
    uint8_t code = 0;
    friend bool operator==(const IcmpType&, const IcmpType&) = default;
};

struct IcmpMapping {
    IcmpType tunnel;
    IcmpType v4;
    IcmpType v6;
    bool error;  ///< quotes a packet
    bool mtu;    ///< says an MTU

    const IcmpType& on(IcmpSide side) const {
        return side == IcmpSide::tunnel ? tunnel : side == IcmpSide::v4 ? v4 : v6;
    }
};

/// All that pass, as a table.
std::span<const IcmpMapping> icmp_mappings();
/// The line whose type on `side` is this; nullptr if it does not pass.
const IcmpMapping* find_icmp(IcmpSide side, const IcmpType& type);

}  // namespace ipref::gw

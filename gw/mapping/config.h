// SPDX-License-Identifier: GPL-2.0-or-later
// What the mapper is told at start and never changes afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/mapping/clock.h"

namespace ipref::gw {

/// Limits against exhaustion. A limit of resolvers' requests is the encode network itself.
struct MappingLimits {
    /// Encoded addresses that packets of one remote gateway may make: a second, and at once.
    uint32_t gateway_rate = 64;
    uint32_t gateway_burst = 512;
    /// The same for all packets together, and for refs of local hosts: what the gateway can make
    /// and store without losing packets of others.
    uint32_t total_rate = 65'536;
    uint32_t total_burst = 65'536;
    /// Remote gateways whose rate is tracked; the least recently used go first.
    uint32_t gateways = 1024;
    /// Share of an encode network's dynamic addresses that may be in use before packets make no
    /// more, in percent; the rest is for resolvers.
    uint32_t packet_share = 50;
    /// Dynamic mappings of one kind (encoded addresses of a family; refs of local hosts).
    uint32_t dynamic = 4'000'000;
    /// Static mappings of all owners, and owners.
    uint32_t statics = 1'000'000;
    uint32_t owners = 1024;
};

struct MappingConfig {
    /// At most one a family, at least 13 host bits each; the first is the default of resolvers.
    std::vector<net::Cidr> encode_nets;
    /// Our context addresses, at most one a family; zero is "whatever the peer sees".
    std::vector<net::Ip> gateways;
    net::Ref gateway_ref{0, 1};
    MappingLimits limits;

    const net::Cidr* encode_net(net::Family ea) const;
    const net::Ip* gateway(net::Family gw) const;
    bool in_encode_net(const net::Ip& ip) const;
    /// The gateway's own EA: the encode network with last byte 1.
    static net::Ip own_ea(const net::Cidr& encode_net);
};

constexpr Seconds kMappingLife = 4 * 3600;  ///< without use; a source without confirmation
constexpr Seconds kMappingRest = 2 * 3600;  ///< before an expired number is given out again
constexpr Seconds kUseStamp = 60;           ///< a use is stamped at most this often

}  // namespace ipref::gw

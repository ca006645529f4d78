// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/mtu.h"

#include <algorithm>

namespace ipref::gw {

namespace {

using net::Family;

constexpr uint32_t kUdpHeader = 8;
constexpr uint32_t kFragmentHeader = 8;
constexpr uint32_t kMinIpv6Mtu = 1280;
constexpr uint32_t kMinIpv4Mtu = 68;

uint32_t ip_header(Family family) {
    return static_cast<uint32_t>(net::header_size(family));
}

uint32_t least_mtu(Family family) {
    return family == Family::v4 ? kMinIpv4Mtu : kMinIpv6Mtu;
}

uint32_t minus(uint32_t from, uint32_t what) {
    return from > what ? from - what : 0;
}

}  // namespace

uint32_t tun_mtu(uint32_t interface_mtu, Family ea, Family gw) {
    // 76 is for IPv6 contexts; IPv4 contexts are 2 * 12 bytes shorter.
    const uint32_t more = ip_header(ea) + (gw == Family::v4 ? 24 : 0);
    const uint32_t mtu =
        minus(interface_mtu + more, kUdpHeader + static_cast<uint32_t>(wire::kMaxTunnelHeader));
    return std::max((mtu + 3) / 4 * 4, least_mtu(ea));
}

size_t tunnel_room(size_t path_mtu, Family gw) {
    const size_t outer = net::header_size(gw) + kUdpHeader;
    return path_mtu > outer ? path_mtu - outer : 0;
}

uint16_t mtu_into_tunnel(uint32_t mtu, Family ea) {
    if (mtu == 0) return 0;
    const uint32_t header = ip_header(ea) + (ea == Family::v6 ? kFragmentHeader : 0);
    const uint32_t room = std::min(minus(mtu, header), 65535u - ip_header(Family::v4));
    return static_cast<uint16_t>(room + ip_header(Family::v4));
}

uint16_t mtu_out_of_tunnel(uint16_t mtu, Family ea) {
    if (mtu == 0 && ea == Family::v4) return 0;
    const uint32_t room = minus(mtu, static_cast<uint32_t>(wire::kMaxTunnelHeader));
    return static_cast<uint16_t>(std::clamp(room + ip_header(ea), least_mtu(ea), uint32_t{65535}));
}

Fit fit(const Plan& plan, size_t room) {
    if (plan.size() <= room) return Fit::whole;
    const bool must_pass =
        plan.from_ipv6 && (plan.original_size <= kMinIpv6Mtu || plan.later_fragment);
    return plan.df && !must_pass ? Fit::too_big : Fit::split;
}

}  // namespace ipref::gw

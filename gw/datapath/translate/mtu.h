// SPDX-License-Identifier: GPL-2.0-or-later
// Sizes on both sides of the gateway, and what "too big" means on the other side.
// Source: spec "The IPREF protocol", sections "ICMP" and "Size". All numbers are bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/net/ip.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

/// MTU for the TUN interface, from that of the public interface. 1500, IPv4, IPv4: 1460.
uint32_t tun_mtu(uint32_t interface_mtu, net::Family ea, net::Family gw);

/// The largest IPREF packet for a path of this MTU: without the outer IP and UDP headers.
/// 0 if not even those fit.
size_t tunnel_room(size_t path_mtu, net::Family gw);

/// "Fragmentation needed" into the tunnel: minus the local IP header (IPv6: also its fragment
/// header), plus 20. At most 65535. 0 (a router that does not say, RFC 1191 section 5) stays 0.
uint16_t mtu_into_tunnel(uint32_t mtu, net::Family ea);
/// Out of the tunnel: minus the largest IPREF header, plus the local IP header; at least what
/// every IPv4 (68) or IPv6 (1280) host must take. 0 stays 0 for IPv4.
uint16_t mtu_out_of_tunnel(uint16_t mtu, net::Family ea);

enum class Fit : uint8_t {
    whole,
    split,    ///< into IPREF fragments
    too_big,  ///< answer with fragmentation needed
};

/// Whether the packet of a forward plan fits into `room`. Two kinds of IPv6 packets are split even
/// though their DF is set: those of up to 1280 bytes, for no IPv6 host can send less (RFC 2473
/// section 7.1), and fragments other than the first, for no error may be sent about them.
Fit fit(const Plan& plan, size_t room);

}  // namespace ipref::gw

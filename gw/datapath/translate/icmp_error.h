// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP errors that the gateway makes itself. They quote at most 576 bytes, have TTL 64 and come
// from the gateway's own addresses. Limiting their rate is the caller's.
#pragma once

#include <optional>
#include <span>

#include "gw/datapath/translate/plan.h"
#include "gw/datapath/translate/settings.h"

namespace ipref::gw {

/// Room for any error: IPv6 or IPREF header, ICMP header, quote.
inline constexpr size_t kMaxIcmpError = wire::kMaxTunnelHeader + 8 + kMaxQuote;

/// Whether RFC 1122 section 3.2.2 lets us answer this packet: not an ICMP message other than
/// echo, not a fragment other than the first, not to a multicast address. encap() and decap()
/// have asked already; for fragmentation_needed the caller asks.
bool may_answer_local(Bytes ip_packet);
bool may_answer_tunnel(Bytes tunnel_packet);

/// The error for the sender of `original`, an IPv4 or IPv6 packet that encap() accepted or
/// answered; goes to the TUN. `room` (fragmentation_needed): what fits inside UDP on the way to
/// the peer. `id`: IPv4 identification, any number. Returns the part of `out` that was written;
/// empty if this gateway does not serve the packet's family.
Bytes make_local_error(IcmpError error, Bytes original, const Settings& settings, uint16_t room,
                       uint16_t id, std::span<uint8_t, kMaxIcmpError> out);

struct TunnelErrorPacket {
    Bytes bytes;   ///< an IPREF packet
    net::Ip peer;  ///< send it here
};

/// Likewise for `original`, an IPREF packet from `peer`; goes into the tunnel. `mtu`: what the
/// tunnel's packets inside UDP may have (fragmentation_needed only).
std::optional<TunnelErrorPacket> make_tunnel_error(IcmpError error, Bytes original,
                                                   const net::Ip& peer, const Settings& settings,
                                                   uint16_t mtu,
                                                   std::span<uint8_t, kMaxIcmpError> out);

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// The IPREF packet: what travels between gateways as UDP payload. Header here, then the layer-4
// segment. Source: spec "The IPREF protocol", section "Tunnel packet".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tl/expected.hpp>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "common/wire/cursor.h"

namespace ipref::wire {

/// UDP port of both ends unless configured otherwise.
inline constexpr uint16_t kTunnelPort = 1045;
/// Header sizes in bytes: IPv4 contexts with 4-byte refs; IPv6 contexts, 16-byte refs, fragment.
inline constexpr size_t kMinTunnelHeader = 20;
inline constexpr size_t kMaxTunnelHeader = 76;
/// Protocol number of ICMP in the tunnel, whatever the family of the hosts.
inline constexpr uint8_t kTunnelIcmp = 1;

/// Where a fragment belongs. Same meaning in IPv4, IPv6 and IPREF.
struct Fragment {
    uint16_t offset = 0;  ///< bytes, a multiple of 8
    bool more = false;    ///< further fragments follow
    uint32_t id = 0;      ///< host order; IPv4 has the low 16 bits

    bool first() const { return offset == 0; }
    /// A whole packet that merely has a fragment header (RFC 6946).
    bool atomic() const { return offset == 0 && !more; }
    friend bool operator==(const Fragment&, const Fragment&) = default;
};

/// The header of an IPREF packet as values. Both addresses are of one family.
struct TunnelHeader {
    net::IpRef source;
    net::IpRef destination;
    uint8_t ttl = 0;
    uint8_t protocol = 0;  ///< 6 TCP, 17 UDP, 1 ICMP of both families
    bool df = false;
    std::optional<Fragment> fragment;

    /// Bytes it takes on the wire, with the shortest form that holds both refs.
    size_t size() const;
    friend bool operator==(const TunnelHeader&, const TunnelHeader&) = default;
};

/// Why bytes are no IPREF packet.
enum class TunnelError : uint8_t {
    truncated,          ///< shorter than its header
    version,            ///< not version 1
    ref_size,           ///< size code 3
    context_version,    ///< contexts neither IPv4 nor IPv6
    reserved_bits,      ///< low nibble of the second byte
    reserved_fragment,  ///< reserved bits of the fragment fields
};

struct ParsedTunnelHeader {
    TunnelHeader header;
    size_t size = 0;  ///< bytes it took; the layer-4 segment follows
};

/// Reads the header at the start of `packet`. Refs may come in any size that holds them.
tl::expected<ParsedTunnelHeader, TunnelError> parse_tunnel_header(Bytes packet);

/// Writes header.size() bytes to the start of `out`; returns that size, or 0 if it does not fit.
/// The fragment offset's low three bits must be zero.
size_t build_tunnel_header(const TunnelHeader& header, std::span<uint8_t> out);

/// Bytes that `ref` needs on the wire: 4, 8 or 16.
size_t ref_wire_size(const net::Ref& ref);

}  // namespace ipref::wire

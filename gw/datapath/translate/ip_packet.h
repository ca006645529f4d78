// SPDX-License-Identifier: GPL-2.0-or-later
// IPv4 and IPv6 headers as values. IPv4 without options (RFC 791); IPv6 with a fragment header or
// none (RFC 8200).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tl/expected.hpp>

#include "common/net/ip.h"
#include "common/wire/tunnel_packet.h"
#include "gw/datapath/drop_reason.h"

namespace ipref::gw {

/// IPv6 header with a fragment header.
inline constexpr size_t kMaxIpHeader = 48;

struct IpHeader {
    net::Ip source;
    net::Ip destination;
    uint8_t ttl = 0;
    uint8_t protocol = 0;  ///< as in the packet: ICMPv6 is 58
    bool df = false;       ///< always set for IPv6
    std::optional<wire::Fragment> fragment;

    size_t size() const;
};

/// A whole packet, or one that was cut short as in an ICMP error.
enum class Completeness : uint8_t { whole, quoted };

struct ParsedIpHeader {
    IpHeader header;
    size_t size = 0;     ///< bytes of the header, fragment header included
    size_t payload = 0;  ///< bytes of payload that are there
    size_t length = 0;   ///< bytes of payload there were; less than that are there if quoted
};

tl::expected<ParsedIpHeader, DropReason> parse_ip_header(wire::Bytes packet,
                                                         Completeness completeness);

/// Writes the header of a packet with `payload` bytes after it, checksum included; returns its
/// size. `out` has room for kMaxIpHeader; header plus payload are at most 65535 bytes.
size_t build_ip_header(const IpHeader& header, size_t payload, std::span<uint8_t> out);

/// Changes a header that build_ip_header() wrote, without fragment header, to one for another
/// payload.
void set_payload_size(std::span<uint8_t> header, size_t payload);

/// Whether the packet is longer than its family's length field can say.
bool too_large(const IpHeader& header, size_t payload);

/// Checks what all fragments must meet: size a multiple of 8 before the last, end within 65535.
std::optional<DropReason> check_fragment(const std::optional<wire::Fragment>& fragment,
                                         size_t payload);

}  // namespace ipref::gw

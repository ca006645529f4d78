// SPDX-License-Identifier: GPL-2.0-or-later
// The headers of a TCP or UDP packet where they lie, for what is done by the same rules to all
// segments of a flow. IPv4 without options and IPv6 without extension headers only: everything
// else goes the plain way.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "common/net/checksum.h"
#include "common/wire/cursor.h"

namespace ipref::gw {

using wire::Bytes;

inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
/// IPv6 and a TCP header with all options.
inline constexpr size_t kMaxHeaders = 40 + 60;

inline uint16_t load16(const uint8_t* at) {
    return static_cast<uint16_t>(at[0] << 8 | at[1]);
}
inline uint32_t load32(const uint8_t* at) {
    return uint32_t{load16(at)} << 16 | load16(at + 2);
}
inline void store16(uint8_t* at, size_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}
inline void store32(uint8_t* at, uint32_t value) {
    store16(at, value >> 16);
    store16(at + 2, value & 0xffff);
}

/// Bits of the flags byte of a TCP header (RFC 9293 section 3.1, RFC 3168 section 6.1).
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;
inline constexpr uint8_t kTcpEce = 0x40;
inline constexpr uint8_t kTcpCwr = 0x80;

/// Where things stand in a packet.
struct Headers {
    bool v4 = false;
    uint8_t protocol = 0;     ///< kProtocolTcp or kProtocolUdp
    uint8_t ip_size = 0;      ///< 20 or 40
    uint8_t layer4_size = 0;  ///< 8 for UDP, 20 to 60 for TCP

    size_t size() const { return size_t{ip_size} + layer4_size; }
    /// Of the checksum field, from the start of the layer-4 header.
    size_t checksum() const { return protocol == kProtocolTcp ? 16 : 6; }
    Bytes addresses(const uint8_t* packet) const {
        return {packet + (v4 ? 12 : 8), v4 ? size_t{8} : size_t{32}};
    }
    /// Sum of the pseudo-header of a segment of `layer4_bytes`, header included (RFC 9293 section
    /// 3.1, RFC 8200 section 8.1).
    net::Checksum pseudo(const uint8_t* packet, size_t layer4_bytes) const {
        return net::Checksum()
            .add(addresses(packet))
            .add_number(protocol)
            .add_number(static_cast<uint16_t>(layer4_bytes));
    }
};

/// None unless `start`, the beginning of a packet, holds both headers whole. Fragments are not
/// recognized: see is_fragment().
inline std::optional<Headers> find_headers(Bytes start) {
    if (start.size() < 28) return std::nullopt;
    Headers out;
    out.v4 = start[0] >> 4 == 4;
    if (out.v4 ? start[0] != 0x45 : start[0] >> 4 != 6) return std::nullopt;
    out.ip_size = out.v4 ? 20 : 40;
    out.protocol = out.v4 ? start[9] : start[6];
    if (out.protocol == kProtocolUdp) {
        out.layer4_size = 8;
    } else if (out.protocol == kProtocolTcp && start.size() >= size_t{out.ip_size} + 20) {
        out.layer4_size = static_cast<uint8_t>((start[out.ip_size + 12u] >> 4) * 4);
        if (out.layer4_size < 20) return std::nullopt;
    } else {
        return std::nullopt;
    }
    if (start.size() < out.size()) return std::nullopt;
    return out;
}

/// IPv4 with offset or MF, in a packet whose IPv4 header is whole.
inline bool is_fragment4(Bytes packet) {
    return (load16(packet.data() + 6) & 0x3fff) != 0;
}

/// A packet of `total` bytes: writes its length into the IP header, checksum included.
inline void set_ip_length(const Headers& headers, uint8_t* packet, size_t total) {
    if (!headers.v4) return store16(packet + 4, total - headers.ip_size);
    store16(packet + 2, total);
    store16(packet + 10, 0);
    const uint16_t sum = net::Checksum().add({packet, 20}).field();
    std::memcpy(packet + 10, &sum, sizeof sum);
}

}  // namespace ipref::gw

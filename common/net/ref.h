// SPDX-License-Identifier: GPL-2.0-or-later
// References: the opaque numbers of up to 128 bits that sites give to their hosts.
// Source: spec "The IPREF protocol", sections "References as text" and "Tunnel packet".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::net {

/// A 128-bit unsigned number, ordered as one.
struct Ref {
    uint64_t high = 0;
    uint64_t low = 0;

    /// Decimal without '-', else hex groups of 16 bits joined by '-', one '--' for zero groups.
    static Result<Ref> parse(std::string_view text);
    /// From 16 bytes, most significant first.
    static Ref from_bytes(const uint8_t* bytes);
    void to_bytes(uint8_t* bytes) const;

    bool is_zero() const { return high == 0 && low == 0; }
    /// Below 65536 decimal, else lower-case hex groups without leading zeros, no '--'.
    std::string str() const;
    friend auto operator<=>(const Ref&, const Ref&) = default;
};

/// `gw + ref`: what is published in DNS. Ordered by gw (IPv4 before IPv6), then ref.
struct IpRef {
    Ip ip;
    Ref ref;

    std::string str() const;
    friend auto operator<=>(const IpRef&, const IpRef&) = default;
};

}  // namespace ipref::net

template <>
struct std::hash<ipref::net::Ref> {
    size_t operator()(const ipref::net::Ref& ref) const noexcept {
        uint64_t h = ref.low * 0x9e3779b97f4a7c15u;
        h = (h ^ (h >> 32) ^ ref.high) * 0xd6e8feb86659fd93u;
        return static_cast<size_t>(h ^ (h >> 32));
    }
};

template <>
struct std::hash<ipref::net::IpRef> {
    size_t operator()(const ipref::net::IpRef& address) const noexcept {
        return std::hash<ipref::net::Ip>()(address.ip) * 31 +
               std::hash<ipref::net::Ref>()(address.ref);
    }
};

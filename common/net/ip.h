// SPDX-License-Identifier: GPL-2.0-or-later
// IP addresses and prefixes as values. An address carries its family; bytes are in network order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

struct sockaddr;
struct sockaddr_storage;

namespace ipref::net {

enum class Family : uint8_t { v4 = 4, v6 = 6 };

/// Bytes in an address of this family: 4 or 16.
constexpr size_t address_size(Family family) {
    return family == Family::v4 ? 4 : 16;
}

/// Bytes in a plain IP header of this family: 20 or 40.
constexpr size_t header_size(Family family) {
    return family == Family::v4 ? 20 : 40;
}

/// An IPv4 or IPv6 address. Default: 0.0.0.0. An IPv4-mapped IPv6 address is IPv6.
/// Ordered by family, then as a number.
class Ip {
  public:
    constexpr Ip() = default;
    /// From network-order bytes; `bytes` holds at least address_size(family).
    Ip(Family family, const uint8_t* bytes) : family_(family) {
        std::memcpy(bytes_.data(), bytes, address_size(family));
    }
    /// IPv4 from a number in host order: Ip::v4(0x0a000001) is 10.0.0.1.
    static Ip v4(uint32_t host_order);
    /// 0.0.0.0 or ::
    static Ip any(Family family);
    /// Text as inet_pton takes it; no port, no brackets, no zone.
    static Result<Ip> parse(std::string_view text);

    Family family() const { return family_; }
    bool is_v4() const { return family_ == Family::v4; }
    bool is_v6() const { return family_ == Family::v6; }
    size_t size() const { return address_size(family_); }
    const uint8_t* data() const { return bytes_.data(); }
    std::span<const uint8_t> bytes() const { return {bytes_.data(), size()}; }
    /// IPv4 only: the address as a number in host order.
    uint32_t to_v4() const;

    bool is_zero() const;
    bool is_loopback() const;
    bool is_multicast() const;
    /// 169.254.0.0/16 or fe80::/10.
    bool is_link_local() const;
    /// Neither zero, loopback, multicast, link-local nor 255.255.255.255 (private addresses count
    /// as global: gateways inside a private network are usual).
    bool is_global_unicast() const;

    std::string str() const;
    friend auto operator<=>(const Ip&, const Ip&) = default;

  private:
    Family family_ = Family::v4;
    std::array<uint8_t, 16> bytes_{};  // IPv4 in the first four, the rest zero
};

/// A prefix, host bits zero.
class Cidr {
  public:
    constexpr Cidr() = default;
    /// Host bits of `ip` are cleared; `bits` at most 32 or 128.
    Cidr(const Ip& ip, unsigned bits);
    /// "10.240.0.0/12". Host bits may be set, they are cleared. A missing length is an error.
    static Result<Cidr> parse(std::string_view text);

    const Ip& ip() const { return ip_; }
    unsigned bits() const { return bits_; }
    Family family() const { return ip_.family(); }
    unsigned host_bits() const { return static_cast<unsigned>(ip_.size() * 8) - bits_; }
    bool contains(const Ip& ip) const;
    bool overlaps(const Cidr& other) const;
    std::string str() const;
    friend auto operator<=>(const Cidr&, const Cidr&) = default;

  private:
    Ip ip_;
    unsigned bits_ = 0;
};

/// An address and a port (host order): "192.0.2.1:53", "[2001:db8::1]:53".
struct Endpoint {
    Ip ip;
    uint16_t port = 0;

    /// "ADDR", "ADDR:PORT", "[ADDR6]" or "[ADDR6]:PORT"; `default_port` where none is given.
    static Result<Endpoint> parse(std::string_view text, uint16_t default_port);
    static Endpoint from(const sockaddr* address);
    /// Fills `out`, returns the length to give to the kernel.
    unsigned to(sockaddr_storage& out) const;
    std::string str() const;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A number of 0 to 65535, decimal, nothing else.
Result<uint16_t> parse_port(std::string_view text);

}  // namespace ipref::net

template <>
struct std::hash<ipref::net::Ip> {
    size_t operator()(const ipref::net::Ip& ip) const noexcept {
        uint64_t hi;
        uint64_t lo;
        std::memcpy(&hi, ip.data(), 8);
        std::memcpy(&lo, ip.data() + 8, 8);
        uint64_t h = (hi ^ static_cast<uint64_t>(ip.family())) * 0x9e3779b97f4a7c15u;
        h = (h ^ (h >> 32) ^ lo) * 0xd6e8feb86659fd93u;
        return static_cast<size_t>(h ^ (h >> 32));
    }
};

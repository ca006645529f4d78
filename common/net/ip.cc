// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace ipref::net {

Ip Ip::v4(uint32_t host_order) {
    const uint32_t network_order = htonl(host_order);
    uint8_t bytes[4];
    std::memcpy(bytes, &network_order, 4);
    return {Family::v4, bytes};
}

Ip Ip::any(Family family) {
    static constexpr uint8_t zeros[16] = {};
    return {family, zeros};
}

Result<Ip> Ip::parse(std::string_view text) {
    const std::string terminated(text);
    uint8_t bytes[16];
    if (terminated.find('\0') == std::string::npos) {
        if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return Ip(Family::v4, bytes);
        if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) return Ip(Family::v6, bytes);
    }
    return fail("\"{}\" is not an IP address", text);
}

uint32_t Ip::to_v4() const {
    uint32_t network_order;
    std::memcpy(&network_order, bytes_.data(), 4);
    return ntohl(network_order);
}

bool Ip::is_zero() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b == 0; });
}

bool Ip::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    return std::all_of(bytes_.begin(), bytes_.begin() + 15, [](uint8_t b) { return b == 0; }) &&
           bytes_[15] == 1;
}

bool Ip::is_multicast() const {
    return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool Ip::is_link_local() const {
    return is_v4() ? bytes_[0] == 169 && bytes_[1] == 254
                   : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool Ip::is_global_unicast() const {
    const bool broadcast = is_v4() && to_v4() == 0xffffffff;
    return !is_zero() && !is_loopback() && !is_multicast() && !is_link_local() && !broadcast;
}

std::string Ip::str() const {
    char text[INET6_ADDRSTRLEN];
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
    return text;
}

namespace {

Ip masked(const Ip& ip, unsigned bits) {
    uint8_t bytes[16] = {};
    std::copy(ip.bytes().begin(), ip.bytes().end(), bytes);
    for (size_t i = 0; i < ip.size(); i++) {
        const auto kept = std::clamp<int>(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
        bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00 >> kept));
    }
    return {ip.family(), bytes};
}

template <typename Number>
bool whole_number(std::string_view text, Number& out) {
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, out);
    return error == std::errc() && at == end && !text.empty();
}

}  // namespace

Cidr::Cidr(const Ip& ip, unsigned bits) : ip_(masked(ip, bits)), bits_(bits) {}

Result<Cidr> Cidr::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) {
        return fail("\"{}\" has no prefix length, expected for example 10.240.0.0/12", text);
    }
    const auto ip = Ip::parse(text.substr(0, slash));
    if (!ip) return tl::unexpected(ip.error());
    unsigned bits = 0;
    if (!whole_number(text.substr(slash + 1), bits) || bits > ip->size() * 8) {
        return fail("\"{}\": the prefix length must be 0 to {}", text, ip->size() * 8);
    }
    return Cidr(*ip, bits);
}

bool Cidr::contains(const Ip& ip) const {
    return ip.family() == family() && masked(ip, bits_) == ip_;
}

bool Cidr::overlaps(const Cidr& other) const {
    return contains(other.ip_) || other.contains(ip_);
}

std::string Cidr::str() const {
    return fmt::format("{}/{}", ip_.str(), bits_);
}

Result<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    if (!whole_number(text, port)) return fail("\"{}\" is not a port number, 0 to 65535", text);
    return port;
}

Result<Endpoint> Endpoint::parse(std::string_view text, uint16_t default_port) {
    std::string_view address = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return fail("\"{}\": missing ]", text);
        address = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && rest[0] != ':') return fail("\"{}\": expected :PORT after ]", text);
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        const auto colon = text.find(':');
        address = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }
    const auto ip = Ip::parse(address);
    if (!ip) {
        return fail("\"{}\" is not an IP address, alone or with a port (203.0.113.5:53, [::1]:53)",
                    text);
    }
    if (!has_port) return Endpoint{*ip, default_port};
    const auto number = parse_port(port);
    if (!number) return tl::unexpected(number.error());
    return Endpoint{*ip, *number};
}

Endpoint Endpoint::from(const sockaddr* address) {
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, address, sizeof v6);
        return {Ip(Family::v6, v6.sin6_addr.s6_addr), ntohs(v6.sin6_port)};
    }
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return {Ip::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
}

unsigned Endpoint::to(sockaddr_storage& out) const {
    std::memset(&out, 0, sizeof out);
    if (ip.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(v6.sin6_addr.s6_addr, ip.data(), 16);
        std::memcpy(&out, &v6, sizeof v6);
        return sizeof v6;
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.data(), 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
}

std::string Endpoint::str() const {
    return ip.is_v4() ? fmt::format("{}:{}", ip.str(), port)
                      : fmt::format("[{}]:{}", ip.str(), port);
}

}  // namespace ipref::net

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/allocator.h"

#include <algorithm>
#include <array>
#include <bit>

namespace ipref::gw {

namespace {

constexpr int kTries = 64;
constexpr int kScan = 65536;
constexpr uint8_t kLeastByte = 16;  // of the byte before the last
constexpr unsigned kLongestNumber = 62;

/// The host bits as a number, of at most 62 bits: an IPv6 network has more than can ever be used,
/// the bits above stay random.
struct Space {
    const net::Cidr& net;

    uint64_t mask() const { return (uint64_t{1} << std::min(net.host_bits(), kLongestNumber)) - 1; }

    /// `high` and `low`: random bits for the host part.
    net::Ip at(uint64_t high, uint64_t low) const {
        std::array<uint8_t, 16> bytes{};
        const size_t size = net.ip().size();
        std::ranges::copy(net.ip().bytes(), bytes.begin());
        for (size_t i = 0; i < size; i++) {
            const size_t shift = 8 * (size - 1 - i);
            const auto random =
                static_cast<uint8_t>(shift < 64 ? low >> shift : high >> (shift - 64));
            bytes[i] = static_cast<uint8_t>(bytes[i] | (random & host_mask(i)));
        }
        return net::Ip(net.family(), bytes.data());
    }

    /// Which bits of byte `i` are host bits.
    uint8_t host_mask(size_t i) const {
        const int network_bits =
            std::clamp(static_cast<int>(net.bits()) - static_cast<int>(8 * i), 0, 8);
        return static_cast<uint8_t>(0xff >> network_bits);
    }
};

}  // namespace

bool is_dynamic_address(const net::Cidr& encode_net, const net::Ip& ea) {
    if (!encode_net.contains(ea)) return false;
    const auto bytes = ea.bytes();
    const uint8_t last = bytes[bytes.size() - 1];
    return bytes[bytes.size() - 2] >= kLeastByte && last != 0 && last != 255;
}

uint64_t dynamic_addresses(const net::Cidr& encode_net) {
    const auto bytes = encode_net.ip().bytes();
    const unsigned host_bits = encode_net.host_bits();
    const unsigned third_bits = std::min(host_bits - 8, 8U);  // host bits in the byte before last
    const unsigned lowest = bytes[bytes.size() - 2];
    const unsigned values = 1U << third_bits;
    const unsigned below = lowest >= kLeastByte ? 0 : std::min(values, kLeastByte - lowest);
    const unsigned above = host_bits <= 16 ? 0 : std::min(host_bits - 16, 46U);
    return (uint64_t{values - below} * 254) << above;
}

std::optional<net::Ip> pick_ea(const net::Cidr& encode_net, Random& random, const EaTaken& taken) {
    const Space space{encode_net};
    const auto free = [&](const net::Ip& ip) {
        return is_dynamic_address(encode_net, ip) && !taken(ip);
    };
    for (int i = 0; i < kTries; i++) {
        const uint64_t high = encode_net.family() == net::Family::v6 ? random.number() : 0;
        const net::Ip ip = space.at(high, random.number());
        if (free(ip)) return ip;
    }
    const uint64_t high = random.number();
    uint64_t low = random.number();
    for (int i = 0; i < kScan; i++) {
        const net::Ip ip = space.at(high, low++ & space.mask());
        if (free(ip)) return ip;
    }
    return std::nullopt;
}

std::optional<net::Ref> pick_ref(Random& random, const RefTaken& taken) {
    for (int i = 0; i < kTries; i++) {
        const uint64_t bits = random.number();
        const net::Ref ref{bits & 0xff00'0000'0000'0000u, bits & 0x00ff'ffff'ffff'ffffu};
        const auto before_last = static_cast<uint8_t>(ref.low >> 8);
        if (before_last >= kLeastByte && !taken(ref)) return ref;
    }
    return std::nullopt;
}

}  // namespace ipref::gw

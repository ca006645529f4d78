// SPDX-License-Identifier: GPL-2.0-or-later
// The Internet checksum (RFC 1071) and changing one incrementally (RFC 1624).
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <span>

#include "common/net/ip.h"

namespace ipref::net {

namespace detail {
/// A 64-bit add with the carry put back in: ones' complement in 64 bits, which folds to the same
/// 16-bit sum because 2^64-1 is a multiple of 2^16-1.
inline uint64_t add_carry(uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}
}  // namespace detail

/// A ones' complement sum in progress. Bytes are taken in memory order, two at a time, so the
/// folded value is to be stored back with memcpy, not byte-swapped (RFC 1071 section 2 B).
/// Sums of pieces may be added when each piece but the last has even length.
class Checksum {
  public:
    /// Adds bytes; an odd last byte counts as if followed by a zero.
    Checksum& add(std::span<const uint8_t> bytes);
    Checksum& add(const Ip& ip) { return add(ip.bytes()); }
    /// Adds a 16-bit number given in host order.
    Checksum& add_number(uint16_t host_order) { return add_field(htons(host_order)); }
    /// Adds a 16-bit field as it lies in memory.
    Checksum& add_field(uint16_t network_order) {
        sum_ = detail::add_carry(sum_, network_order);
        return *this;
    }
    Checksum& add(const Checksum& other) {
        sum_ = detail::add_carry(sum_, other.sum_);
        return *this;
    }
    /// Takes a sum out again.
    Checksum& subtract(const Checksum& other) {
        return add_field(static_cast<uint16_t>(~other.sum()));
    }
    /// Folded to 16 bits, memory order, not complemented.
    uint16_t sum() const {
        uint64_t s = (sum_ & 0xffffffff) + (sum_ >> 32);
        s = (s & 0xffff) + (s >> 16);
        s = (s & 0xffff) + (s >> 16);
        s = (s & 0xffff) + (s >> 16);
        return static_cast<uint16_t>(s);
    }
    /// What goes into a checksum field: the complement of sum(), memory order.
    uint16_t field() const { return static_cast<uint16_t>(~sum()); }

  private:
    uint64_t sum_ = 0;
};

namespace detail {
/// How whole blocks of 64 bytes are added, in each way this CPU can; the last one is in use. For
/// tests and benchmarks.
struct ChecksumBlocks {
    const char* name;
    uint64_t (*add)(uint64_t sum, const uint8_t* at, size_t blocks);
};
std::span<const ChecksumBlocks> checksum_blocks();
}  // namespace detail

/// The field (memory order) after `removed` leaves and `added` enters the covered bytes:
/// RFC 1624 equation 3, HC' = ~(~HC + ~m + m').
inline uint16_t changed_checksum(uint16_t field, const Checksum& removed, const Checksum& added) {
    return Checksum().add_field(static_cast<uint16_t>(~field)).subtract(removed).add(added).field();
}

}  // namespace ipref::net

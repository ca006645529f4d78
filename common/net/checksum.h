// SPDX-License-Identifier: GPL-2.0-or-later
// The Internet checksum (RFC 1071) and changing one incrementally (RFC 1624).
#pragma once

#include <cstdint>
#include <span>

#include "common/net/ip.h"

namespace ipref::net {

/// A ones' complement sum in progress. Bytes are taken in memory order, two at a time, so the
/// folded value is to be stored back with memcpy, not byte-swapped (RFC 1071 section 2 B).
/// Sums of pieces may be added when each piece but the last has even length.
class Checksum {
  public:
    /// Adds bytes; an odd last byte counts as if followed by a zero.
    Checksum& add(std::span<const uint8_t> bytes);
    Checksum& add(const Ip& ip) { return add(ip.bytes()); }
    /// Adds a 16-bit number given in host order.
    Checksum& add_number(uint16_t host_order);
    /// Adds a 16-bit field as it lies in memory.
    Checksum& add_field(uint16_t network_order);
    Checksum& add(const Checksum& other);
    /// Takes a sum out again.
    Checksum& subtract(const Checksum& other);
    /// Folded to 16 bits, memory order, not complemented.
    uint16_t sum() const;
    /// What goes into a checksum field: the complement of sum(), memory order.
    uint16_t field() const { return static_cast<uint16_t>(~sum()); }

  private:
    uint64_t sum_ = 0;
};

/// The field (memory order) after `removed` leaves and `added` enters the covered bytes:
/// RFC 1624 equation 3, HC' = ~(~HC + ~m + m').
uint16_t changed_checksum(uint16_t field, const Checksum& removed, const Checksum& added);

}  // namespace ipref::net

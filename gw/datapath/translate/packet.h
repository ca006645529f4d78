// SPDX-License-Identifier: GPL-2.0-or-later
// A packet inside a larger buffer, so that its header can be swapped for a longer one without
// moving the payload.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/wire/cursor.h"

namespace ipref::gw {

/// Bytes to leave before a packet that is going to be translated: an ICMP error grows most, by
/// its own header and three quoted ones, 56 bytes each.
inline constexpr size_t kHeadroom = 256;

/// Does not own the buffer; the owner keeps it until the packet is sent.
class Packet {
  public:
    Packet() = default;
    /// `size` bytes from `start` on are the packet.
    Packet(std::span<uint8_t> buffer, size_t start, size_t size)
        : buffer_(buffer), start_(start), size_(size) {
        assert(start <= buffer.size() && size <= buffer.size() - start);
    }

    std::span<uint8_t> bytes() const { return buffer_.subspan(start_, size_); }
    size_t size() const { return size_; }
    size_t headroom() const { return start_; }
    std::span<uint8_t> buffer() const { return buffer_; }

    /// Moves the start so that the packet has `size` bytes; its end stays. `size` is at most
    /// headroom() + size().
    void resize_front(size_t size) {
        assert(size <= start_ + size_);
        start_ = start_ + size_ - size;
        size_ = size;
    }

  private:
    std::span<uint8_t> buffer_;
    size_t start_ = 0;
    size_t size_ = 0;
};

}  // namespace ipref::gw

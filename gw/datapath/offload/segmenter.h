// SPDX-License-Identifier: GPL-2.0-or-later
// Cuts a TCP or UDP super-packet into the packets that it stands for, as the kernel would
// (net/ipv4/tcp_offload.c, net/ipv4/udp_offload.c): lengths; the IPv4 identification counts up;
// TCP sequence numbers; FIN and PSH only on the last, CWR only on the first; checksums complete.
// The payload stays where it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/net/checksum.h"
#include "gw/datapath/offload/headers.h"

namespace ipref::gw {

class Segmenter {
  public:
    /// `start` begins with the super-packet's headers (their lengths and checksums do not matter),
    /// is copied as far as needed, and is not a fragment. None if the headers are not whole, or not
    /// of the plain kind that super-packets are made of, or there is no payload.
    static std::optional<Segmenter> make(Bytes start, size_t payload_size, size_t segment_size);

    /// A super-packet in one piece.
    static std::optional<Segmenter> of(Bytes packet, size_t segment_size);

    const Headers& headers() const { return headers_; }
    size_t count() const { return count_; }
    /// Where the payload of segment `i` starts, from the start of the whole payload.
    size_t payload_start(size_t i) const { return i * segment_size_; }
    size_t payload_size(size_t i) const {
        return i + 1 < count_ ? segment_size_ : payload_size_ - payload_start(i);
    }

    /// Writes the layer-4 header of segment `i`, whose payload is given; `out` has room for
    /// headers().layer4_size.
    void write_layer4(size_t i, Bytes payload, uint8_t* out) const;
    /// Writes the IP header of segment `i`; room for headers().ip_size.
    void write_ip(size_t i, uint8_t* out) const;

  private:
    Segmenter() = default;

    Headers headers_;
    std::array<uint8_t, kMaxHeaders> bytes_{};
    size_t payload_size_ = 0;
    size_t segment_size_ = 0;
    size_t count_ = 0;
    uint16_t first_id_ = 0;
    uint32_t first_sequence_ = 0;
    uint8_t flags_ = 0;
    net::Checksum constant_;  // what all segments' checksums have in common
};

}  // namespace ipref::gw

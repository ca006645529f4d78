// SPDX-License-Identifier: GPL-2.0-or-later
// Splits a packet into fragments: each is a header made here and a view of the payload, ready for
// an iovec. Usually two; more where the room is that small.
#pragma once

#include <array>
#include <optional>

#include "common/wire/tunnel_packet.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

struct Piece {
    std::array<uint8_t, wire::kMaxTunnelHeader> header_bytes;
    size_t header_size = 0;
    Bytes payload;

    Bytes header() const { return {header_bytes.data(), header_size}; }
    size_t size() const { return header_size + payload.size(); }
};

class Splitter {
  public:
    /// An IPREF packet into IPREF fragments of at most `room` bytes, without DF. `id` is used
    /// unless the packet is a fragment already. None if room is for less than 8 bytes of payload.
    /// An ICMP error, which must not be fragmented, comes as one piece with less of its quote.
    static std::optional<Splitter> tunnel(std::span<uint8_t> packet, size_t room, uint32_t id);
    /// An IPv6 packet into fragments of at most `mtu` bytes (1280 if it is less), likewise.
    static std::optional<Splitter> ipv6(std::span<uint8_t> packet, size_t mtu, uint32_t id);

    /// The next piece, in order; false when there is none left.
    bool next(Piece& piece);

  private:
    Splitter() = default;
    size_t write_header(const wire::Fragment& fragment, size_t size, Piece& piece) const;

    bool to_ipv6_ = false;
    bool whole_ = false;         // one piece, not a fragment
    wire::TunnelHeader header_;  // tunnel
    Bytes ipv6_header_;          // the original's first 40 bytes
    uint8_t ipv6_next_ = 0;      // what follows the fragment header
    wire::Fragment fragment_;    // of the original; offset moves on
    Bytes rest_;                 // payload still to go
    size_t step_ = 0;            // payload bytes in all but the last piece
};

}  // namespace ipref::gw

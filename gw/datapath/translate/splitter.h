// SPDX-License-Identifier: GPL-2.0-or-later
// Splits a packet into fragments: each is a header made here and a view of the payload, ready for
// an iovec. Usually two; more where the room is that small.
#pragma once

#include <array>
#include <optional>

#include "common/wire/tunnel_packet.h"
#include "gw/datapath/translate/ip_packet.h"
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
    /// An ICMP error, which must not be fragmented, comes as one piece with less of its quote;
    /// only then `packet` is written to (the checksum).
    static std::optional<Splitter> tunnel(std::span<uint8_t> packet, size_t room, uint32_t id);
    /// An IPv6 packet into fragments of at most `mtu` bytes (1280 if it is less), likewise. None
    /// if `packet` is not IPv6.
    static std::optional<Splitter> ipv6(Bytes packet, size_t mtu, uint32_t id);

    /// The next piece, in order; false when there is none left. The views are into the packet.
    bool next(Piece& piece);

  private:
    Splitter() = default;
    void write_header(size_t payload, Piece& piece) const;

    std::optional<IpHeader> ip_;  // if IPv6
    wire::TunnelHeader tunnel_;   // otherwise
    bool whole_ = false;          // it fits: one piece, no fragment
    bool done_ = false;
    wire::Fragment fragment_;  // of the original; the offset moves on
    Bytes rest_;               // payload still to go
    size_t room_ = 0;          // for payload in one piece
};

}  // namespace ipref::gw

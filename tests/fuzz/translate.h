// SPDX-License-Identifier: GPL-2.0-or-later
// What the encap and decap fuzzers share. Input: two bytes that choose the families, options and
// which parts are made right, then the packet.
#pragma once

#include <cstdlib>
#include <cstring>

#include "gw/datapath/translate/splitter.h"
#include "unit/gw/datapath/translate/lab.h"

namespace ipref::test {

inline void require(bool condition) {
    if (!condition) std::abort();
}

/// The choices of an input's first two bytes.
struct Choices {
    uint8_t bits = 0;
    uint8_t room = 0;

    Family ea() const { return (bits & 1) != 0 ? Family::v6 : Family::v4; }
    Family gw() const { return (bits & 2) != 0 ? Family::v6 : Family::v4; }
    bool dec_ttl() const { return (bits & 4) != 0; }
    bool fix_addresses() const { return (bits & 8) != 0; }
    bool fix_length() const { return (bits & 16) != 0; }
    bool fix_checksum() const { return (bits & 32) != 0; }
};

/// Two sites of which each sees the other's host under that host's own address, so that a packet
/// that went through both is what it was.
struct Mirror {
    explicit Mirror(const Choices& choices)
        : here(choices.ea(), choices.gw(), Lab::pub(choices.gw(), 1), Lab::host(choices.ea(), 1),
               kRefA, {Lab::pub(choices.gw(), 2), kRefB}, Lab::ea(choices.ea())),
          there(choices.ea(), choices.gw(), Lab::pub(choices.gw(), 2), here.remote, kRefB,
                {Lab::pub(choices.gw(), 1), kRefA}, here.host) {
        here.settings.dec_ttl = choices.dec_ttl();
    }
    Site here;
    Site there;
};

/// Translates in a buffer whose bytes around the packet must stay as they are.
template <typename Translate>
Done translate_within(Site& site, const ByteVector& packet, Translate translate) {
    constexpr size_t kBehind = 16;
    constexpr uint8_t kMark = 0xa5;
    ByteVector buffer(gw::kHeadroom, kMark);
    append(buffer, packet);
    buffer.resize(buffer.size() + kBehind, kMark);
    gw::Packet in(buffer, gw::kHeadroom, packet.size());
    Done done{translate(in.bytes()), {}};
    require(std::equal(packet.begin(), packet.end(), in.bytes().begin()));  // planning only reads
    if (!done.forwarded()) return done;
    gw::apply(site.plan, in);
    require(in.size() == site.plan.size());
    for (size_t i = 0; i < std::min(in.headroom(), gw::kHeadroom); i++) require(buffer[i] == kMark);
    for (size_t i = 0; i < kBehind; i++) require(buffer[buffer.size() - 1 - i] == kMark);
    done.out.emplace_back(in.bytes().begin(), in.bytes().end());
    return done;
}

/// All pieces of a split packet: sizes, and that they add up.
inline void check_split(std::optional<gw::Splitter> splitter, size_t room, size_t payload) {
    gw::Piece piece;
    size_t total = 0;
    while (splitter && splitter->next(piece)) {
        require(piece.size() <= room);
        total += piece.payload.size();
    }
    require(!splitter || total <= payload);
}

/// Whether the layer-4 checksum of a whole segment is there and right.
inline bool whole(const Seen& seen) {
    return !seen.fragment || seen.fragment->atomic();
}

}  // namespace ipref::test

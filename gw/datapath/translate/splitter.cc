// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/splitter.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"

namespace ipref::gw {

namespace {

constexpr size_t kMinIpv6Mtu = 1280;
constexpr size_t kMinPayload = 8;

bool is_icmp_error(const wire::TunnelHeader& header, Bytes segment) {
    if (header.protocol != wire::kTunnelIcmp || segment.size() < kIcmpHeader) return false;
    if (header.fragment && !header.fragment->atomic()) return false;
    const auto* mapping = find_icmp(IcmpSide::tunnel, {segment[0], segment[1]});
    return mapping != nullptr && mapping->error;
}

/// The checksum of an ICMP message in the tunnel, for what is left of it.
void renew_checksum(std::span<uint8_t> message) {
    message[2] = message[3] = 0;
    const uint16_t field = net::Checksum().add(message).field();
    std::memcpy(message.data() + 2, &field, sizeof field);
}

}  // namespace

std::optional<Splitter> Splitter::tunnel(std::span<uint8_t> packet, size_t room, uint32_t id) {
    const auto parsed = wire::parse_tunnel_header(packet);
    if (!parsed) return std::nullopt;
    Splitter splitter;
    splitter.tunnel_ = parsed->header;
    auto segment = packet.subspan(parsed->size);
    const bool error = is_icmp_error(parsed->header, segment);
    splitter.whole_ = packet.size() <= room || error;
    if (splitter.whole_) {
        if (room < parsed->size + kIcmpHeader) return std::nullopt;
        if (packet.size() > room) {
            segment = segment.first(room - parsed->size);
            renew_checksum(segment);
        }
    } else {
        splitter.tunnel_.df = false;
        splitter.fragment_ = parsed->header.fragment.value_or(wire::Fragment{0, false, id});
        splitter.tunnel_.fragment = splitter.fragment_;
        const size_t header_size = splitter.tunnel_.size();
        if (room < header_size + kMinPayload) return std::nullopt;
        splitter.room_ = room - header_size;
    }
    splitter.rest_ = segment;
    return splitter;
}

std::optional<Splitter> Splitter::ipv6(Bytes packet, size_t mtu, uint32_t id) {
    const auto parsed = parse_ip_header(packet, Completeness::whole);
    if (!parsed || !parsed->header.source.is_v6()) return std::nullopt;
    const size_t room = std::max(mtu, kMinIpv6Mtu);
    Splitter splitter;
    splitter.ip_ = parsed->header;
    splitter.whole_ = packet.size() <= room;
    splitter.fragment_ = parsed->header.fragment.value_or(wire::Fragment{0, false, id});
    if (!splitter.whole_) splitter.ip_->fragment = splitter.fragment_;
    splitter.room_ = room - kMaxIpHeader;
    splitter.rest_ = packet.subspan(parsed->size);
    return splitter;
}

bool Splitter::next(Piece& piece) {
    if (done_) return false;
    const bool last = whole_ || rest_.size() <= room_;
    const size_t size = last ? rest_.size() : room_ / kMinPayload * kMinPayload;
    piece.payload = rest_.first(size);
    rest_ = rest_.subspan(size);
    done_ = last;
    if (whole_) {
        write_header(size, piece);
        return true;
    }
    auto fragment = fragment_;
    fragment.more = fragment_.more || !last;
    (ip_ ? ip_->fragment : tunnel_.fragment) = fragment;
    write_header(size, piece);
    fragment_.offset = static_cast<uint16_t>(fragment_.offset + size);
    return true;
}

void Splitter::write_header(size_t payload, Piece& piece) const {
    piece.header_size = ip_ ? build_ip_header(*ip_, payload, piece.header_bytes)
                            : wire::build_tunnel_header(tunnel_, piece.header_bytes);
    assert(piece.header_size != 0);
}

}  // namespace ipref::gw

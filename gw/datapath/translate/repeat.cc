// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/repeat.h"

#include <netinet/in.h>

#include <cstring>

#include "gw/datapath/translate/ip_packet.h"
#include "gw/datapath/translate/layer4.h"

namespace ipref::gw {

namespace {

constexpr uint8_t kTunnelFragment = 0x02;  // in the first byte of an IPREF packet
constexpr size_t kMostPayload = 65535 - kMaxIpHeader;

/// The least segment of a protocol whose plan may serve again; 0 for others.
size_t least_segment(uint8_t protocol) {
    const bool wanted = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
    return wanted ? protocol_of(protocol).minimum : 0;
}

uint16_t number_at(const uint8_t* at) {
    return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

bool same(const uint8_t* a, const uint8_t* b, size_t from, size_t to) {
    return std::memcmp(a + from, b + from, to - from) == 0;
}

void resize(Plan& plan, Bytes packet) {
    plan.original_size = packet.size();
    plan.segment_size = packet.size() - plan.skip;
}

}  // namespace

void Repeat::remember_decap(Bytes packet, const net::Ip& peer, const Plan& plan) {
    forget();
    if ((packet[0] & kTunnelFragment) != 0) return;
    least_ = least_segment(packet[3]);
    if (least_ == 0) return;
    std::memcpy(header_.data(), packet.data(), plan.skip);
    size_ = plan.skip;
    peer_ = peer;
}

bool Repeat::again_decap(Bytes packet, const net::Ip& peer, Plan& plan) const {
    if (size_ == 0 || packet.size() < size_ + least_ || packet.size() - size_ > kMostPayload ||
        std::memcmp(packet.data(), header_.data(), size_) != 0 || peer != peer_) {
        return false;
    }
    resize(plan, packet);
    set_payload_size({plan.header_bytes.data(), plan.header_size}, plan.segment_size);
    return true;
}

void Repeat::remember_encap(Bytes packet, const Plan& plan) {
    forget();
    const bool v4 = packet[0] >> 4 == 4;
    const bool fragment = v4 && (number_at(packet.data() + 6) & 0x3fff) != 0;
    if (fragment || plan.skip != net::header_size(v4 ? net::Family::v4 : net::Family::v6)) return;
    least_ = least_segment(packet[v4 ? 9 : 6]);
    if (least_ == 0) return;
    std::memcpy(header_.data(), packet.data(), plan.skip);
    size_ = plan.skip;
}

bool Repeat::again_encap(Bytes packet, Plan& plan) const {
    if (size_ == 0 || packet.size() < size_ + least_ || packet.size() > UINT16_MAX) return false;
    const uint8_t* then = header_.data();
    const uint8_t* now = packet.data();
    const bool v4 = then[0] >> 4 == 4;
    // Whatever becomes part of the plan: not DSCP, identification, flow label. The length as said.
    const bool alike = v4 ? now[0] == then[0] && same(now, then, 6, 10) && same(now, then, 12, 20)
                          : now[0] >> 4 == 6 && same(now, then, 6, 40);
    const size_t said = v4 ? number_at(now + 2) : number_at(now + 4) + size_t{40};
    if (!alike || said != packet.size()) return false;
    resize(plan, packet);
    return true;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/offload/coalescer.h"

#include <cassert>
#include <cstring>

namespace ipref::gw {

namespace {

constexpr uint16_t kOnlyDf = 0x4000;

uint64_t load64(const uint8_t* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// Never 0. Only a filter: same_flow() decides.
uint64_t hash_flow(const Headers& headers, const uint8_t* head) {
    uint32_t ports;
    std::memcpy(&ports, head + headers.ip_size, sizeof ports);
    uint64_t hash = ports | uint64_t{headers.protocol} << 32;
    const auto addresses = headers.addresses(head);
    for (size_t i = 0; i < addresses.size(); i += 8) {
        hash = (hash ^ load64(addresses.data() + i)) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return hash | 1;
}

bool same(const uint8_t* a, const uint8_t* b, size_t from, size_t to) {
    return std::memcmp(a + from, b + from, to - from) == 0;
}

bool same_flow(const Headers& headers, const uint8_t* a, const uint8_t* b) {
    const size_t addresses = headers.v4 ? 12 : 8;
    return same(a, b, addresses, headers.ip_size) &&
           same(a, b, headers.ip_size, headers.ip_size + 4u);
}

/// IP headers that differ in nothing but length, identification and checksum.
bool same_ip(bool v4, const uint8_t* a, const uint8_t* b) {
    if (v4) return same(a, b, 0, 2) && same(a, b, 6, 10);
    return same(a, b, 0, 4) && same(a, b, 6, 8);
}

/// TCP headers that differ in nothing but sequence number, PSH and checksum.
bool same_tcp(const uint8_t* a, const uint8_t* b, size_t size) {
    return same(a, b, 8, 13) && ((a[13] ^ b[13]) & ~kTcpPsh) == 0 && same(a, b, 14, 16) &&
           same(a, b, 18, size);
}

/// Whether the length fields say what is there.
bool lengths_right(const Headers& headers, const uint8_t* head, size_t payload) {
    const size_t total = headers.size() + payload;
    const size_t said = headers.v4 ? load16(head + 2) : load16(head + 4) + size_t{40};
    if (said != total) return false;
    return headers.protocol == kProtocolTcp ||
           load16(head + headers.ip_size + 4) == headers.layer4_size + payload;
}

/// A packet that another may join, or that may join another.
bool may_join(const Headers& headers, const uint8_t* head, size_t payload) {
    if (payload == 0 || !lengths_right(headers, head, payload)) return false;
    if (headers.v4 && load16(head + 6) != kOnlyDf) return false;
    const uint8_t* layer4 = head + headers.ip_size;
    if (headers.protocol == kProtocolUdp) return load16(layer4 + 6) != 0;
    const bool no_urgent = load16(layer4 + 18) == 0;
    const bool no_reserved = (layer4[12] & 0x0f) == 0;
    // Right if 0 would be, which is what cutting would make of it.
    const bool usual_sum = load16(layer4 + 16) != 0xffff;
    return no_urgent && no_reserved && usual_sum && (layer4[13] & ~(kTcpPsh | kTcpEce)) == kTcpAck;
}

bool checksum_right(const Headers& headers, const uint8_t* head, Bytes payload) {
    // The addresses stand right before the layer-4 header: one piece with it.
    const uint8_t* addresses = headers.addresses(head).data();
    const uint8_t* end = head + headers.size();
    const uint16_t sum =
        net::Checksum()
            .add({addresses, end})
            .add_number(headers.protocol)
            .add_number(static_cast<uint16_t>(headers.layer4_size + payload.size()))
            .add(payload)
            .sum();
    return sum == 0xffff;
}

}  // namespace

Coalescer::Coalescer() : items_(new Joined[kMostJoined + 1]), flows_{} {}

void Coalescer::begin(CoalescerRules rules) {
    rules_ = rules;
    used_ = 0;
    barrier_ = 0;
}

void Coalescer::add(size_t head_size, Bytes rest) {
    assert(!full() && head_size <= Joined::kHeadSpace);
    auto& item = items_[used_];
    const uint8_t* head = item.head_.data();
    item.open_ = false;
    uint64_t flow = 0;
    const auto headers = find_headers({head, head_size});
    const bool fragment = headers && headers->v4 && is_fragment4({head, head_size});
    if (headers && !fragment) {
        item.headers_ = *headers;
        flow = hash_flow(*headers, head);
        const bool wanted = headers->protocol == kProtocolTcp ? rules_.tcp : rules_.udp;
        if (wanted && head_size == headers->size() && may_join(*headers, head, rest.size())) {
            auto* last = last_of(flow, item);
            if (last != nullptr && join(*last, item, rest)) return;
            item.open_ =
                headers->protocol == kProtocolUdp || (head[headers->ip_size + 13u] & kTcpPsh) == 0;
            item.verified_ = false;
            if (headers->protocol == kProtocolTcp) {
                item.next_sequence_ =
                    load32(head + headers->ip_size + 4) + static_cast<uint32_t>(rest.size());
            }
        }
    } else {
        barrier_ = used_ + 1;
    }
    item.head_size_ = head_size;
    item.payload_ = rest.size();
    item.segment_size_ = rest.size();
    item.segments_ = 1;
    item.parts_[1] = rest;
    flows_[used_++] = flow;
}

/// The last item of the same flow, if that one is open.
Joined* Coalescer::last_of(uint64_t flow, const Joined& item) {
    for (size_t i = used_; i-- > barrier_;) {
        if (flows_[i] != flow) continue;
        auto& other = items_[i];
        const bool alike = other.headers_.v4 == item.headers_.v4 &&
                           other.headers_.protocol == item.headers_.protocol &&
                           same_flow(item.headers_, other.head_.data(), item.head_.data());
        if (alike) return other.open_ ? &other : nullptr;
    }
    return nullptr;
}

bool Coalescer::join(Joined& to, const Joined& item, Bytes payload) const {
    const auto& headers = item.headers_;
    const uint8_t* head = item.head_.data();
    const uint8_t* layer4 = head + headers.ip_size;
    const bool tcp = headers.protocol == kProtocolTcp;
    if (payload.size() > to.segment_size_ || to.segments_ == Joined::kMostSegments ||
        to.size() + payload.size() > UINT16_MAX || to.headers_.layer4_size != headers.layer4_size ||
        !same_ip(headers.v4, to.head_.data(), head)) {
        return false;
    }
    auto* to_layer4 = to.head_.data() + headers.ip_size;
    if (tcp && (load32(layer4 + 4) != to.next_sequence_ ||
                !same_tcp(to_layer4, layer4, headers.layer4_size))) {
        return false;
    }
    if (!checksum_right(headers, head, payload)) return false;
    if (!to.verified_) {
        to.verified_ = checksum_right(headers, to.head_.data(), to.parts_[1]);
        if (!to.verified_) {
            to.open_ = false;
            return false;
        }
    }
    if (tcp) {
        to.next_sequence_ += static_cast<uint32_t>(payload.size());
        to_layer4[13] |= layer4[13] & kTcpPsh;
    }
    to.parts_[++to.segments_] = payload;
    to.payload_ += payload.size();
    to.open_ = payload.size() == to.segment_size_ && (!tcp || (layer4[13] & kTcpPsh) == 0);
    return true;
}

std::span<const Joined> Coalescer::finish() {
    for (auto& item : std::span(items_.get(), used_)) {
        uint8_t* head = item.head_.data();
        item.parts_[0] = {head, item.head_size_};
        item.offload_ = {};
        if (item.segments_ == 1) continue;
        const auto& headers = item.headers_;
        const size_t layer4_bytes = headers.layer4_size + item.payload_;
        uint8_t* layer4 = head + headers.ip_size;
        set_ip_length(headers, head, item.size());
        if (headers.protocol == kProtocolUdp) store16(layer4 + 4, layer4_bytes);
        const uint16_t partial = headers.pseudo(head, layer4_bytes).sum();
        std::memcpy(layer4 + headers.checksum(), &partial, sizeof partial);
        using Gso = VnetHeader::Gso;
        item.offload_.partial_checksum = true;
        item.offload_.gso = headers.protocol == kProtocolUdp ? Gso::udp
                            : headers.v4                     ? Gso::tcp4
                                                             : Gso::tcp6;
        item.offload_.header_size = static_cast<uint16_t>(headers.size());
        item.offload_.segment_size = static_cast<uint16_t>(item.segment_size_);
        item.offload_.checksum_start = headers.ip_size;
        item.offload_.checksum_offset = static_cast<uint16_t>(headers.checksum());
    }
    return {items_.get(), used_};
}

}  // namespace ipref::gw

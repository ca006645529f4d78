// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/offload/segmenter.h"

#include <cassert>
#include <cstring>

namespace ipref::gw {

std::optional<Segmenter> Segmenter::make(Bytes start, size_t payload_size, size_t segment_size) {
    const auto headers = find_headers(start);
    if (!headers || payload_size == 0 || segment_size == 0) return std::nullopt;
    if (headers->v4 && is_fragment4(start)) return std::nullopt;
    // The length field of a segment must be able to say it.
    if (headers->size() + std::min(payload_size, segment_size) > UINT16_MAX) return std::nullopt;
    Segmenter out;
    out.headers_ = *headers;
    std::memcpy(out.bytes_.data(), start.data(), headers->size());
    out.payload_size_ = payload_size;
    out.segment_size_ = segment_size;
    out.count_ = (payload_size + segment_size - 1) / segment_size;
    if (headers->v4) out.first_id_ = load16(out.bytes_.data() + 4);
    auto* layer4 = out.bytes_.data() + headers->ip_size;
    store16(layer4 + headers->checksum(), 0);
    if (headers->protocol == kProtocolTcp) {
        out.first_sequence_ = load32(layer4 + 4);
        out.flags_ = layer4[13];
        store32(layer4 + 4, 0);
        layer4[13] = 0;
    } else {
        store16(layer4 + 4, 0);
    }
    out.constant_ = headers->pseudo(out.bytes_.data(), 0).add({layer4, headers->layer4_size});
    return out;
}

std::optional<Segmenter> Segmenter::of(Bytes packet, size_t segment_size) {
    const auto headers = find_headers(packet);
    if (!headers) return std::nullopt;
    return make(packet, packet.size() - headers->size(), segment_size);
}

void Segmenter::write_layer4(size_t i, Bytes payload, uint8_t* out) const {
    assert(i < count_ && payload.size() == payload_size(i));
    std::memcpy(out, bytes_.data() + headers_.ip_size, headers_.layer4_size);
    const auto length = static_cast<uint16_t>(headers_.layer4_size + payload.size());
    auto sum = constant_;
    sum.add_number(length).add(payload);
    if (headers_.protocol == kProtocolTcp) {
        const auto sequence = first_sequence_ + static_cast<uint32_t>(payload_start(i));
        uint8_t flags = flags_;
        if (i + 1 < count_) flags &= static_cast<uint8_t>(~(kTcpFin | kTcpPsh));
        if (i > 0) flags &= static_cast<uint8_t>(~kTcpCwr);
        store32(out + 4, sequence);
        out[13] = flags;
        sum.add_number(static_cast<uint16_t>(sequence >> 16))
            .add_number(static_cast<uint16_t>(sequence))
            .add_number(flags);
        const uint16_t field = sum.field();
        std::memcpy(out + 16, &field, sizeof field);
        return;
    }
    store16(out + 4, length);
    uint16_t field = sum.add_number(length).field();
    if (field == 0) field = 0xffff;  // 0 would say "no checksum" (RFC 768)
    std::memcpy(out + 6, &field, sizeof field);
}

void Segmenter::write_ip(size_t i, uint8_t* out) const {
    std::memcpy(out, bytes_.data(), headers_.ip_size);
    if (headers_.v4) store16(out + 4, static_cast<uint16_t>(first_id_ + i));
    set_ip_length(headers_, out, headers_.size() + payload_size(i));
}

}  // namespace ipref::gw

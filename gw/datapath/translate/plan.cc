// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/plan.h"

#include <cassert>
#include <cstring>

namespace ipref::gw {

void patch_checksum(const ChecksumPatch& patch, std::span<uint8_t> segment) {
    using Field = ChecksumPatch::Field;
    if (patch.type) {
        segment[0] = patch.type->type;
        segment[1] = patch.type->code;
    }
    if (patch.field == Field::none) return;
    assert(size_t{patch.offset} + 2 <= segment.size());
    uint16_t field;
    std::memcpy(&field, segment.data() + patch.offset, sizeof field);
    if (field == 0 && patch.field == Field::udp) return;
    field = net::changed_checksum(field, {}, patch.change);
    // In the sender's arithmetic 0 says "no checksum" (RFC 768); 0xffff is the same number.
    if (field == 0 && patch.field != Field::plain) field = 0xffff;
    std::memcpy(segment.data() + patch.offset, &field, sizeof field);
}

void apply(const Plan& plan, Packet& packet) {
    assert(packet.size() >= plan.skip);
    assert(packet.headroom() + packet.size() >= plan.size());
    packet.resize_front(plan.size());
    const auto bytes = packet.bytes();
    std::memcpy(bytes.data(), plan.header_bytes.data(), plan.header_size);
    const auto segment = bytes.subspan(plan.header_size);
    if (plan.message_size != 0) {
        std::memcpy(segment.data(), plan.message_bytes.data(), plan.message_size);
    } else {
        patch_checksum(plan.patch, segment);
    }
}

size_t write_head(const Plan& plan, Bytes segment, size_t copied, std::span<uint8_t> out) {
    assert(copied <= segment.size() && out.size() >= plan.header_size + copied);
    std::memcpy(out.data(), plan.header_bytes.data(), plan.header_size);
    const auto start = out.subspan(plan.header_size);
    if (plan.message_size != 0) {
        assert(start.size() >= plan.message_size);
        std::memcpy(start.data(), plan.message_bytes.data(), plan.message_size);
        return plan.header_size + plan.message_size;
    }
    std::memcpy(start.data(), segment.data(), copied);
    patch_checksum(plan.patch, start.first(copied));
    return plan.header_size + copied;
}

}  // namespace ipref::gw

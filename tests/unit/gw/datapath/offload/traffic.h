// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic of several flows with all that can be between two packets of one: made from choices,
// which are random numbers in the unit test and the input's bytes in the fuzzer.
#pragma once

#include "unit/gw/datapath/offload/check.h"

namespace ipref::test {

/// After a change to the bytes: whatever the headers now say, the checksums follow.
inline void repair_checksums(ByteVector& packet) {
    if (packet.size() >= 20 && packet[0] == 0x45) set_ip_checksum(packet);
    const bool v4 = packet[0] >> 4 == 4;
    const size_t at = v4 ? 20 : 40;
    const uint8_t protocol = packet[v4 ? 9 : 6];
    const size_t least = protocol == kTcp ? 20 : 8;
    if ((protocol == kTcp || protocol == kUdp) && packet.size() >= at + least) {
        set_layer4_checksum(packet, at, protocol);
    }
}

/// `Choose` gives a number below its argument.
template <typename Choose>
class Traffic {
  public:
    explicit Traffic(Choose& choose) : choose_(choose) {
        static constexpr std::array<size_t, 8> kSizes{1, 2, 3, 8, 64, 100, 536, 1400};
        const size_t size = kSizes[choose_(kSizes.size())];
        flows_.resize(1 + choose_(4));
        for (auto& flow : flows_) {
            flow.v4 = choose_(2) == 0;
            flow.protocol = choose_(3) == 0 ? kUdp : kTcp;
            flow.from_port = static_cast<uint16_t>(1000 + choose_(2));
            flow.from = static_cast<uint8_t>(choose_(2));
            flow.sequence = choose_(2) == 0 ? 0xffffff00 : 7;
            flow.options.resize(choose_(11) * 4, 1);
            flow.flags = choose_(8) == 0 ? 0x50 : 0x10;
            flow.payload.resize(size);
        }
    }

    Input next() {
        auto& flow = flows_[choose_(flows_.size())];
        for (auto& byte : flow.payload) byte = static_cast<uint8_t>(byte * 5 + 1);
        Shape shape = flow;
        if (choose_(4) == 0) {
            change(shape, flow);
            if (choose_(4) == 0) keep(shape, flow);
        }
        flow.sequence = shape.sequence + static_cast<uint32_t>(shape.payload.size());
        flow.id++;
        Input out = input(shape);
        if (choose_(8) == 0) damage(out);
        return out;
    }

  private:
    uint16_t bit16() { return static_cast<uint16_t>(1u << choose_(16)); }
    uint8_t bit8() { return static_cast<uint8_t>(1u << choose_(8)); }

    void change(Shape& shape, Shape& flow) {
        switch (choose_(4)) {
            case 0:
                return change_ip(shape);
            case 1:
            case 2:
                return change_layer4(shape);
            case 3:
                shape.payload.resize(choose_(shape.payload.size() + 1));
                if (choose_(4) == 0) shape.payload.resize(choose_(20000));
                if (choose_(2) == 0) flow.payload = shape.payload;
        }
    }

    /// What all packets of a flow may have, so that they are alike and still not to be joined.
    static void keep(const Shape& shape, Shape& flow) {
        flow.fragment = shape.fragment;
        flow.flags = shape.flags;
        flow.reserved = shape.reserved;
        flow.urgent = shape.urgent;
    }

    /// One header field.
    void change_ip(Shape& shape) {
        switch (choose_(9)) {
            case 0:
                shape.tos ^= bit8();
                break;
            case 1:
                shape.ttl ^= bit8();
                break;
            case 2:
                shape.id ^= bit16();
                break;
            case 3:
                shape.fragment ^= bit16();
                break;
            case 4:
                shape.label ^= 1u << choose_(20);
                break;
            case 5:
                shape.ip_options.resize(4 * (1 + choose_(10)), 1);
                break;
            case 6:
                shape.extension.resize(7);
                break;
            case 7:
                shape.extension = {0, 0, 8, 0, 0, 0, 1};  // a fragment
                shape.extension_number = 44;
                break;
            case 8:
                shape.ip_length_error = static_cast<int>(choose_(5)) - 2;
                break;
        }
    }

    void change_layer4(Shape& shape) {
        switch (choose_(11)) {
            case 0:
                shape.sequence ^= uint32_t{1} << choose_(32);
                break;
            case 1:
                shape.ack ^= uint32_t{1} << choose_(32);
                break;
            case 2:
                shape.reserved ^= static_cast<uint8_t>(1u << choose_(4));
                break;
            case 3:
                shape.flags ^= bit8();
                break;
            case 4:
                shape.flags ^= 0x08;  // PSH
                break;
            case 5:
                shape.window ^= bit16();
                break;
            case 6:
                shape.urgent ^= bit16();
                break;
            case 7:
                shape.options.resize(choose_(11) * 4, static_cast<uint8_t>(choose_(3)));
                break;
            case 8:
                shape.udp_length_error = static_cast<int>(choose_(5)) - 2;
                break;
            case 9:
                shape.checksum_error = bit16();
                break;
            case 10:
                shape.no_checksum = true;
                break;
        }
    }

    /// A byte of the whole, or how it is handed over.
    void damage(Input& packet) {
        auto& bytes = packet.bytes;
        switch (choose_(5)) {
            case 0:
                bytes[choose_(std::min<size_t>(bytes.size(), 100))] ^= bit8();
                break;
            case 1:
                bytes[choose_(std::min<size_t>(bytes.size(), 100))] ^= bit8();
                repair_checksums(bytes);
                break;
            case 2:
                bytes.resize(1 + choose_(bytes.size()));
                packet.head = std::min(packet.head, bytes.size());
                break;
            case 3:
                packet.head = choose_(std::min(bytes.size(), gw::Joined::kHeadSpace) + 1);
                break;
            case 4:
                no_sum_left(bytes);
                break;
        }
        // Only right ones come: the gateway makes them itself.
        if (bytes.size() >= 20 && bytes[0] == 0x45) set_ip_checksum(bytes);
    }

    /// All that is summed adds up to 0xffff without the field, which has two ways to say so.
    void no_sum_left(ByteVector& packet) {
        const size_t headers = plain_headers(packet);
        if (headers == 0 || packet.size() < headers + 2) return;
        const bool v4 = packet[0] >> 4 == 4;
        const bool tcp = packet[v4 ? 9 : 6] == kTcp;
        const size_t at = v4 ? 20 : 40;
        set16(packet, at + (tcp ? 16 : 6), 0);
        set16(packet, headers, 0);
        const auto rest = std::span<const uint8_t>(packet).subspan(at);
        const size_t pseudo = pseudo_sum(packet, tcp ? kTcp : kUdp, rest.size());
        set16(packet, headers, ~plain_sum(rest, pseudo) & 0xffff);
        if (choose_(2) == 0) set16(packet, at + (tcp ? 16 : 6), 0xffff);
    }

    Choose& choose_;
    std::vector<Shape> flows_;
};

}  // namespace ipref::test

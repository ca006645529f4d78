// SPDX-License-Identifier: GPL-2.0-or-later
// Packets built field by field, and segmentation by the book: each segment made as a whole packet,
// its checksums added up by the letter of RFC 1071. Shares nothing with the code under test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ipref::test {

using ByteVector = std::vector<uint8_t>;

inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;

inline void append(ByteVector& to, std::span<const uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void append16(ByteVector& to, size_t value) {
    to.push_back(static_cast<uint8_t>(value >> 8));
    to.push_back(static_cast<uint8_t>(value));
}
inline void append32(ByteVector& to, size_t value) {
    append16(to, value >> 16);
    append16(to, value);
}
inline void set16(ByteVector& in, size_t at, size_t value) {
    in.at(at) = static_cast<uint8_t>(value >> 8);
    in.at(at + 1) = static_cast<uint8_t>(value);
}
inline size_t get16(std::span<const uint8_t> in, size_t at) {
    return static_cast<size_t>(in[at] << 8 | in[at + 1]);
}
inline size_t get32(std::span<const uint8_t> in, size_t at) {
    return get16(in, at) << 16 | get16(in, at + 2);
}
inline void set32(ByteVector& in, size_t at, size_t value) {
    set16(in, at, value >> 16 & 0xffff);
    set16(in, at + 2, value & 0xffff);
}

/// The folded sum in host order; 0xffff for bytes with a right checksum among them.
inline size_t plain_sum(std::span<const uint8_t> bytes, size_t sum = 0) {
    for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 == 0 ? size_t{bytes[i]} << 8 : bytes[i];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/// Of the pseudo-header.
inline size_t pseudo_sum(std::span<const uint8_t> packet, uint8_t protocol, size_t length) {
    const bool v4 = packet[0] >> 4 == 4;
    return plain_sum(packet.subspan(v4 ? 12 : 8, v4 ? 8 : 32), protocol + length);
}

/// Every field of a packet. Lengths and checksums follow from them, give or take an error.
struct Shape {
    bool v4 = true;
    uint8_t protocol = kTcp;
    uint8_t tos = 0;
    uint8_t ttl = 64;
    uint16_t id = 77;
    uint16_t fragment = 0x4000;  // flags and offset
    uint32_t label = 0;          // 20 bits
    uint8_t from = 1;            // last byte of the address
    uint8_t to = 2;
    ByteVector ip_options;  // of IPv4
    ByteVector extension;   // of IPv6, without its first byte
    uint8_t extension_number = 60;

    uint16_t from_port = 1000;
    uint16_t to_port = 2000;
    uint32_t sequence = 1;
    uint32_t ack = 5;
    uint8_t reserved = 0;  // 4 bits
    uint8_t flags = 0x10;  // ACK
    uint16_t window = 500;
    uint16_t urgent = 0;
    ByteVector options;
    ByteVector payload = ByteVector(100, 0x61);

    int ip_length_error = 0;
    int udp_length_error = 0;
    uint16_t checksum_error = 0;  // added to the field
    bool no_checksum = false;     // the field is 0

    size_t ip_size() const {
        return v4 ? 20 + ip_options.size() : 40 + (extension.empty() ? 0 : extension.size() + 1);
    }
    size_t layer4_size() const { return protocol == kTcp ? 20 + options.size() : 8; }
    size_t headers() const { return ip_size() + layer4_size(); }
};

inline void set_ip_checksum(ByteVector& packet) {
    const size_t size = size_t{packet[0]} % 16 * 4;
    set16(packet, 10, 0);
    set16(packet, 10, ~plain_sum(std::span(packet).first(size)));
}

/// Complete, for the layer-4 header at `at` and all that follows.
inline void set_layer4_checksum(ByteVector& packet, size_t at, uint8_t protocol) {
    const size_t field = at + (protocol == kTcp ? 16 : 6);
    set16(packet, field, 0);
    const auto rest = std::span<const uint8_t>(packet).subspan(at);
    const size_t sum = ~plain_sum(rest, pseudo_sum(packet, protocol, rest.size())) & 0xffff;
    set16(packet, field, sum == 0 && protocol == kUdp ? 0xffff : sum);
}

inline ByteVector ip_header(const Shape& shape) {
    const size_t total =
        shape.headers() + shape.payload.size() + static_cast<size_t>(shape.ip_length_error);
    ByteVector out;
    if (shape.v4) {
        out.push_back(static_cast<uint8_t>(0x45 + shape.ip_options.size() / 4));
        out.push_back(shape.tos);
        append16(out, total);
        append16(out, shape.id);
        append16(out, shape.fragment);
        append(out, std::array<uint8_t, 4>{shape.ttl, shape.protocol, 0, 0});
        append(out, std::array<uint8_t, 8>{10, 0, 0, shape.from, 10, 0, 0, shape.to});
        append(out, shape.ip_options);
        set_ip_checksum(out);
        return out;
    }
    append32(out, size_t{6} << 28 | size_t{shape.tos} << 20 | shape.label);
    append16(out, total - 40);
    out.push_back(shape.extension.empty() ? shape.protocol : shape.extension_number);
    out.push_back(shape.ttl);
    for (const uint8_t last : {shape.from, shape.to}) {
        append(out, std::array<uint8_t, 16>{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        out.back() = last;
    }
    if (shape.extension.empty()) return out;
    out.push_back(shape.protocol);
    append(out, shape.extension);
    return out;
}

inline ByteVector build(const Shape& shape) {
    ByteVector out = ip_header(shape);
    const size_t at = out.size();
    append16(out, shape.from_port);
    append16(out, shape.to_port);
    if (shape.protocol == kTcp) {
        append32(out, shape.sequence);
        append32(out, shape.ack);
        out.push_back(static_cast<uint8_t>((20 + shape.options.size()) << 2 | shape.reserved));
        out.push_back(shape.flags);
        append16(out, shape.window);
        append16(out, 0);
        append16(out, shape.urgent);
        append(out, shape.options);
    } else {
        append16(out, 8 + shape.payload.size() + static_cast<size_t>(shape.udp_length_error));
        append16(out, 0);
    }
    append(out, shape.payload);
    set_layer4_checksum(out, at, shape.protocol);
    const size_t field = at + (shape.protocol == kTcp ? 16 : 6);
    if (shape.checksum_error != 0) {
        set16(out, field, (get16(out, field) + shape.checksum_error) & 0xffff);
    }
    if (shape.no_checksum) set16(out, field, 0);
    return out;
}

/// The segment after, of the same payload size.
inline Shape after(Shape shape) {
    shape.sequence += static_cast<uint32_t>(shape.payload.size());
    shape.id++;
    for (auto& byte : shape.payload) byte = static_cast<uint8_t>(byte + 1);
    return shape;
}

/// Bytes of the headers of what a super-packet can be made of; 0 if it is nothing of the kind.
inline size_t plain_headers(std::span<const uint8_t> packet) {
    if (packet.empty()) return 0;
    const bool v4 = packet[0] == 0x45;
    if (!v4 && packet[0] >> 4 != 6) return 0;
    const size_t ip_size = v4 ? 20 : 40;
    if (packet.size() < ip_size + 8) return 0;
    if (v4 && get16(packet, 6) % 0x4000 != 0) return 0;
    const uint8_t protocol = packet[v4 ? 9 : 6];
    if (protocol == kUdp) return ip_size + 8;
    if (protocol != kTcp || packet.size() < ip_size + 20) return 0;
    const size_t tcp_size = packet[ip_size + 12] / 16u * 4u;
    return tcp_size >= 20 && packet.size() >= ip_size + tcp_size ? ip_size + tcp_size : 0;
}

/// What the kernel's segmentation makes of a super-packet with plain headers.
inline std::vector<ByteVector> model_segments(const ByteVector& packet, size_t segment_size) {
    std::vector<ByteVector> out;
    const size_t headers = plain_headers(packet);
    const bool v4 = packet[0] >> 4 == 4;
    const size_t ip_size = v4 ? 20 : 40;
    const uint8_t protocol = packet[v4 ? 9 : 6];
    const std::span<const uint8_t> payload = std::span(packet).subspan(headers);
    for (size_t from = 0; from < payload.size(); from += segment_size) {
        const bool last = payload.size() - from <= segment_size;
        ByteVector segment(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(headers));
        append(segment, payload.subspan(from, last ? payload.size() - from : segment_size));
        if (v4) {
            set16(segment, 2, segment.size());
            set16(segment, 4, (get16(packet, 4) + out.size()) & 0xffff);
            set_ip_checksum(segment);
        } else {
            set16(segment, 4, segment.size() - 40);
        }
        if (protocol == kTcp) {
            set32(segment, ip_size + 4, (get32(packet, ip_size + 4) + from) & 0xffffffff);
            if (!last) segment[ip_size + 13] &= 0xf6;     // FIN, PSH
            if (from > 0) segment[ip_size + 13] &= 0x7f;  // CWR
        } else {
            set16(segment, ip_size + 4, segment.size() - ip_size);
        }
        set_layer4_checksum(segment, ip_size, protocol);
        out.push_back(segment);
    }
    return out;
}

}  // namespace ipref::test

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/tunnel_packet.h"

#include <algorithm>
#include <array>

namespace ipref::wire {

namespace {

using net::Family;
using net::Ref;

constexpr uint8_t kVersion = 1;
constexpr uint8_t kIfBit = 0x02;
constexpr uint8_t kDfBit = 0x01;
constexpr uint16_t kMoreBit = 0x0001;
constexpr uint16_t kReservedFragmentBits = 0x0006;
constexpr size_t kFixedSize = 4;
constexpr size_t kFragmentSize = 8;
constexpr uint64_t kTopByte = uint64_t{0xff} << 56;

/// Size code of the first byte: 4 << code bytes.
uint8_t size_code(size_t ref_size) {
    return ref_size == 4 ? 0 : ref_size == 8 ? 1 : 2;
}

/// The top byte comes first in every form, then as many of the low bytes as there is room.
Ref read_ref(Reader& reader, size_t size) {
    if (size == 16) return reader.ref();
    if (size == 8) {
        const uint64_t value = reader.u64();
        return {value & kTopByte, value & ~kTopByte};
    }
    const uint32_t value = reader.u32();
    return {uint64_t{value & 0xff000000} << 32, value & 0x00ffffff};
}

void write_ref(Writer& writer, const Ref& ref, size_t size) {
    if (size == 16) return writer.ref(ref);
    const uint64_t both = ref.high | ref.low;
    if (size == 8) return writer.u64(both);
    writer.u32(static_cast<uint32_t>(ref.high >> 32 | ref.low));
}

tl::expected<std::optional<Fragment>, TunnelError> read_fragment(Reader& reader) {
    const uint16_t reserved = reader.u16();
    const uint16_t offset = reader.u16();
    Fragment fragment;
    fragment.offset = offset & 0xfff8;
    fragment.more = (offset & kMoreBit) != 0;
    fragment.id = reader.u32();
    if (!reader.ok()) return tl::unexpected(TunnelError::truncated);
    if (reserved != 0 || (offset & kReservedFragmentBits) != 0) {
        return tl::unexpected(TunnelError::reserved_fragment);
    }
    return fragment;
}

size_t refs_size(const TunnelHeader& header) {
    return std::max(ref_wire_size(header.source.ref), ref_wire_size(header.destination.ref));
}

size_t header_size(const TunnelHeader& header, size_t ref_size) {
    return kFixedSize + (header.fragment ? kFragmentSize : 0) + 2 * header.source.ip.size() +
           2 * ref_size;
}

}  // namespace

size_t ref_wire_size(const Ref& ref) {
    // b0 of the 16 bytes is always carried; b1..b8 must be zero for 8 bytes, b1..b12 for 4.
    if ((ref.high & ~kTopByte) != 0 || (ref.low & kTopByte) != 0) return 16;
    return ref.low >> 24 != 0 ? 8 : 4;
}

size_t TunnelHeader::size() const {
    return header_size(*this, refs_size(*this));
}

tl::expected<ParsedTunnelHeader, TunnelError> parse_tunnel_header(Bytes packet) {
    Reader reader(packet);
    const uint8_t first = reader.u8();
    const uint8_t second = reader.u8();
    ParsedTunnelHeader parsed;
    TunnelHeader& header = parsed.header;
    header.ttl = reader.u8();
    header.protocol = reader.u8();
    if (!reader.ok()) return tl::unexpected(TunnelError::truncated);

    const uint8_t code = (first >> 2) & 3;
    const uint8_t version = second >> 4;
    if (first >> 4 != kVersion) return tl::unexpected(TunnelError::version);
    if (code == 3) return tl::unexpected(TunnelError::ref_size);
    if (version != 4 && version != 6) return tl::unexpected(TunnelError::context_version);
    if ((second & 0x0f) != 0) return tl::unexpected(TunnelError::reserved_bits);
    header.df = (first & kDfBit) != 0;
    if ((first & kIfBit) != 0) {
        const auto fragment = read_fragment(reader);
        if (!fragment) return tl::unexpected(fragment.error());
        header.fragment = *fragment;
    }

    const Family family = version == 4 ? Family::v4 : Family::v6;
    const size_t ref_size = size_t{4} << code;
    header.source.ip = reader.ip(family);
    header.destination.ip = reader.ip(family);
    header.source.ref = read_ref(reader, ref_size);
    header.destination.ref = read_ref(reader, ref_size);
    if (!reader.ok()) return tl::unexpected(TunnelError::truncated);
    parsed.size = reader.position();
    return parsed;
}

size_t build_tunnel_header(const TunnelHeader& header, std::span<uint8_t> out) {
    const size_t ref_size = refs_size(header);
    if (out.size() < header_size(header, ref_size)) return 0;
    Writer writer(out);
    writer.u8(static_cast<uint8_t>(kVersion << 4 | size_code(ref_size) << 2 |
                                   (header.fragment ? kIfBit : 0) | (header.df ? kDfBit : 0)));
    writer.u8(header.source.ip.is_v4() ? 0x40 : 0x60);
    writer.u8(header.ttl);
    writer.u8(header.protocol);
    if (header.fragment) {
        writer.u16(0);
        writer.u16(static_cast<uint16_t>(header.fragment->offset |
                                         (header.fragment->more ? kMoreBit : 0)));
        writer.u32(header.fragment->id);
    }
    writer.ip(header.source.ip);
    writer.ip(header.destination.ip);
    write_ref(writer, header.source.ref, ref_size);
    write_ref(writer, header.destination.ref, ref_size);
    return writer.size();
}

}  // namespace ipref::wire

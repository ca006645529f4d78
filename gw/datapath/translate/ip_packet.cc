// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/ip_packet.h"

#include <cstring>

#include "common/net/checksum.h"
#include "common/wire/cursor.h"

namespace ipref::gw {

namespace {

using net::Family;
using wire::Bytes;
using wire::Fragment;
using wire::Reader;
using wire::Writer;
using Parsed = tl::expected<ParsedIpHeader, DropReason>;

constexpr size_t kMaxPacket = 65535;
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragmentHeader = 44;
constexpr uint8_t kDestinationOptions = 60;
constexpr size_t kFragmentHeaderSize = 8;
constexpr uint16_t kV4Reserved = 0x8000;
constexpr uint16_t kV4Df = 0x4000;
constexpr uint16_t kV4More = 0x2000;
constexpr uint16_t kV4Offset = 0x1fff;
constexpr uint16_t kV6More = 0x0001;
constexpr uint16_t kV6Reserved = 0x0006;

tl::unexpected<DropReason> drop(DropReason reason) {
    return tl::unexpected(reason);
}

/// Settles how much payload there is: `said` by the header, `there` in the packet.
Parsed with_payload(ParsedIpHeader parsed, size_t said, size_t there, Completeness completeness) {
    if (completeness == Completeness::whole && said != there) return drop(DropReason::ip_length);
    parsed.length = said;
    parsed.payload = said < there ? said : there;
    return parsed;
}

Parsed parse_v4(Bytes packet, Completeness completeness) {
    constexpr size_t kSize = net::header_size(Family::v4);
    Reader reader(packet);
    const uint8_t first = reader.u8();
    reader.skip(1);  // DSCP, ECN
    const uint16_t length = reader.u16();
    const uint16_t id = reader.u16();
    const uint16_t flags = reader.u16();
    ParsedIpHeader parsed;
    parsed.size = kSize;
    parsed.header.ttl = reader.u8();
    parsed.header.protocol = reader.u8();
    reader.skip(2);  // the kernel has verified the header checksum
    parsed.header.source = reader.ip(Family::v4);
    parsed.header.destination = reader.ip(Family::v4);
    if (!reader.ok()) return drop(DropReason::ip_truncated);
    if ((first & 0x0f) < 5) return drop(DropReason::ip_header_length);
    if ((first & 0x0f) > 5) return drop(DropReason::ip_options);
    if (length < kSize) return drop(DropReason::ip_length);
    if ((flags & kV4Reserved) != 0) return drop(DropReason::fragment_reserved_bits);
    parsed.header.df = (flags & kV4Df) != 0;
    if ((flags & (kV4More | kV4Offset)) != 0) {
        const auto offset = static_cast<uint16_t>((flags & kV4Offset) << 3);
        parsed.header.fragment = Fragment{offset, (flags & kV4More) != 0, id};
    }
    return with_payload(parsed, length - kSize, packet.size() - kSize, completeness);
}

bool is_extension(uint8_t next) {
    return next == kHopByHop || next == kRouting || next == kDestinationOptions;
}

/// The fragment header behind the IPv6 header.
std::optional<DropReason> read_fragment(Reader& reader, IpHeader& header) {
    header.protocol = reader.u8();
    reader.skip(1);  // reserved: ignored on reception (RFC 8200 section 4.5)
    const uint16_t offset = reader.u16();
    const uint32_t id = reader.u32();
    if (!reader.ok()) return DropReason::ip_truncated;
    if ((offset & kV6Reserved) != 0) return DropReason::fragment_reserved_bits;
    if (header.protocol == kFragmentHeader) return DropReason::fragment_nested;
    header.fragment = Fragment{static_cast<uint16_t>(offset & 0xfff8), (offset & kV6More) != 0, id};
    return std::nullopt;
}

Parsed parse_v6(Bytes packet, Completeness completeness) {
    constexpr size_t kSize = net::header_size(Family::v6);
    Reader reader(packet);
    reader.skip(4);  // version, traffic class, flow label
    const size_t length = reader.u16();
    ParsedIpHeader parsed;
    parsed.header.protocol = reader.u8();
    parsed.header.ttl = reader.u8();
    parsed.header.source = reader.ip(Family::v6);
    parsed.header.destination = reader.ip(Family::v6);
    parsed.header.df = true;
    if (!reader.ok()) return drop(DropReason::ip_truncated);
    if (length == 0 && parsed.header.protocol == kHopByHop) return drop(DropReason::ip_jumbogram);
    if (parsed.header.protocol == kFragmentHeader) {
        if (completeness == Completeness::whole && length != reader.left()) {
            return drop(DropReason::ip_length);
        }
        if (length < kFragmentHeaderSize) return drop(DropReason::ip_truncated);
        if (const auto bad = read_fragment(reader, parsed.header)) return drop(*bad);
    }
    if (is_extension(parsed.header.protocol)) return drop(DropReason::ip_extension_header);
    parsed.size = reader.position();
    return with_payload(parsed, length + kSize - parsed.size, reader.left(), completeness);
}

size_t build_v4(const IpHeader& header, size_t payload, std::span<uint8_t> out) {
    uint16_t flags = header.df ? kV4Df : 0;
    uint16_t id = 0;
    if (header.fragment) {
        flags = static_cast<uint16_t>(flags | header.fragment->offset >> 3 |
                                      (header.fragment->more ? kV4More : 0));
        id = static_cast<uint16_t>(header.fragment->id);
    }
    Writer writer(out);
    writer.u16(0x4500);
    writer.u16(static_cast<uint16_t>(net::header_size(Family::v4) + payload));
    writer.u16(id);
    writer.u16(flags);
    writer.u8(header.ttl);
    writer.u8(header.protocol);
    writer.u16(0);
    writer.ip(header.source);
    writer.ip(header.destination);
    const uint16_t sum = net::Checksum().add(writer.written()).field();
    std::memcpy(out.data() + 10, &sum, sizeof sum);
    return writer.size();
}

size_t build_v6(const IpHeader& header, size_t payload, std::span<uint8_t> out) {
    const size_t extra = header.fragment ? kFragmentHeaderSize : 0;
    Writer writer(out);
    writer.u32(0x60000000);
    writer.u16(static_cast<uint16_t>(extra + payload));
    writer.u8(header.fragment ? kFragmentHeader : header.protocol);
    writer.u8(header.ttl);
    writer.ip(header.source);
    writer.ip(header.destination);
    if (header.fragment) {
        writer.u8(header.protocol);
        writer.u8(0);
        writer.u16(
            static_cast<uint16_t>(header.fragment->offset | (header.fragment->more ? kV6More : 0)));
        writer.u32(header.fragment->id);
    }
    return writer.size();
}

}  // namespace

size_t IpHeader::size() const {
    const bool fragment_header = source.is_v6() && fragment;
    return net::header_size(source.family()) + (fragment_header ? kFragmentHeaderSize : 0);
}

Parsed parse_ip_header(Bytes packet, Completeness completeness) {
    if (packet.empty()) return drop(DropReason::ip_truncated);
    switch (packet[0] >> 4) {
        case 4:
            return parse_v4(packet, completeness);
        case 6:
            return parse_v6(packet, completeness);
        default:
            return drop(DropReason::ip_version);
    }
}

size_t build_ip_header(const IpHeader& header, size_t payload, std::span<uint8_t> out) {
    return header.source.is_v4() ? build_v4(header, payload, out) : build_v6(header, payload, out);
}

void set_payload_size(std::span<uint8_t> header, size_t payload) {
    const bool v4 = header[0] >> 4 == 4;
    const auto length = static_cast<uint16_t>(payload + (v4 ? header.size() : 0));
    Writer writer(header.subspan(v4 ? 2 : 4, 2));
    if (!v4) return writer.u16(length);
    uint16_t old_length;
    uint16_t sum;
    std::memcpy(&old_length, header.data() + 2, sizeof old_length);
    std::memcpy(&sum, header.data() + 10, sizeof sum);
    writer.u16(length);
    sum = net::changed_checksum(sum, net::Checksum().add_field(old_length),
                                net::Checksum().add_number(length));
    std::memcpy(header.data() + 10, &sum, sizeof sum);
}

bool too_large(const IpHeader& header, size_t payload) {
    const size_t counted = header.source.is_v4() ? 0 : net::header_size(Family::v6);
    return header.size() - counted + payload > kMaxPacket;
}

std::optional<DropReason> check_fragment(const std::optional<Fragment>& fragment, size_t payload) {
    if (!fragment) return std::nullopt;
    if (fragment->more && (payload % 8 != 0 || payload == 0)) return DropReason::fragment_size;
    if (fragment->offset + payload > kMaxPacket) return DropReason::fragment_overrun;
    return std::nullopt;
}

}  // namespace ipref::gw

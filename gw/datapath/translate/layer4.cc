// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/layer4.h"

#include <netinet/in.h>

namespace ipref::gw {

namespace {

using Field = ChecksumPatch::Field;
using Kind = Protocol::Kind;
using wire::Bytes;
using wire::Fragment;

constexpr uint8_t kEtherIp = 97;
constexpr uint8_t kL2tp = 115;
constexpr uint8_t kRefused = 255;

tl::expected<Segment, DropReason> classify_icmp(Bytes bytes, bool whole, IcmpSide side,
                                                Segment segment) {
    if (bytes.size() < kIcmpHeader) return tl::unexpected(DropReason::layer4_truncated);
    segment.icmp = find_icmp(side, {bytes[0], bytes[1]});
    if (segment.icmp == nullptr) return tl::unexpected(DropReason::icmp_type);
    if (segment.icmp->error && !whole) return tl::unexpected(DropReason::icmp_fragmented_error);
    segment.answerable = !segment.icmp->error;
    return segment;
}

}  // namespace

Protocol protocol_of(uint8_t number) {
    switch (number) {
        case IPPROTO_TCP:
            return {Kind::pseudo, Field::plain, 16, 20};
        case IPPROTO_UDP:
            return {Kind::pseudo, Field::udp, 6, 8};
        case wire::kTunnelIcmp:
            return {Kind::icmp, Field::plain, 2, kIcmpHeader};
        case IPPROTO_DCCP:
            return {Kind::pseudo, Field::plain, 6, 12};
        case IPPROTO_UDPLITE:
            return {Kind::pseudo, Field::nonzero, 6, 8};
        case IPPROTO_SCTP:
        case IPPROTO_GRE:
        case IPPROTO_ESP:
        case IPPROTO_IPIP:
        case IPPROTO_IPV6:
        case IPPROTO_COMP:
        case IPPROTO_MPLS:
        case kEtherIp:
        case kL2tp:
            return {Kind::opaque, Field::none, 0, 0};
        default:
            return {};
    }
}

uint8_t tunnel_protocol(net::Family family, uint8_t number) {
    if (number != IPPROTO_ICMP && number != kIcmpV6) return number;
    return number == ip_protocol(family, wire::kTunnelIcmp) ? wire::kTunnelIcmp : kRefused;
}

uint8_t ip_protocol(net::Family family, uint8_t number) {
    if (number != wire::kTunnelIcmp) return number;
    return family == net::Family::v4 ? static_cast<uint8_t>(IPPROTO_ICMP) : kIcmpV6;
}

net::Checksum type_sum(const IcmpType& type) {
    return net::Checksum().add_number(static_cast<uint16_t>(type.type << 8 | type.code));
}

tl::expected<std::optional<uint16_t>, DropReason> locate(uint16_t field, size_t start,
                                                         size_t size) {
    const size_t end = start + size;
    const size_t field_end = size_t{field} + 2;
    if (end <= field || start >= field_end) return std::nullopt;
    if (start > field || end < field_end) return tl::unexpected(DropReason::fragment_cuts_checksum);
    return static_cast<uint16_t>(field - start);
}

tl::expected<Segment, DropReason> classify(Bytes bytes, uint8_t number,
                                           const std::optional<Fragment>& fragment, IcmpSide side) {
    Segment segment{protocol_of(number), std::nullopt, nullptr, true};
    if (segment.protocol.kind == Kind::refused) return tl::unexpected(DropReason::protocol);
    const bool whole = !fragment || fragment->atomic();
    const size_t start = fragment ? fragment->offset : 0;
    segment.answerable = start == 0;
    if (whole && bytes.size() < segment.protocol.minimum) {
        return tl::unexpected(DropReason::layer4_truncated);
    }
    if (segment.is_icmp()) {
        return start == 0 ? classify_icmp(bytes, whole, side, segment) : segment;
    }
    if (segment.protocol.kind == Kind::pseudo) {
        const auto found = locate(segment.protocol.checksum, start, bytes.size());
        if (!found) return tl::unexpected(found.error());
        segment.checksum = *found;
    }
    return segment;
}

}  // namespace ipref::gw

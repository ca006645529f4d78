// SPDX-License-Identifier: GPL-2.0-or-later
// What follows the header: which protocols pass, and where their checksums stand.
#pragma once

#include <cstdint>
#include <optional>
#include <tl/expected.hpp>

#include "common/wire/tunnel_packet.h"
#include "gw/datapath/drop_reason.h"
#include "gw/datapath/translate/icmp_types.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

/// ICMPv6's number in IPv6; in the tunnel it is wire::kTunnelIcmp.
inline constexpr uint8_t kIcmpV6 = 58;
inline constexpr size_t kIcmpHeader = 8;

/// A protocol, by how translation touches it.
struct Protocol {
    enum class Kind : uint8_t {
        refused,  ///< cannot work with changed addresses, or is unknown
        opaque,   ///< no pseudo-header: passes as it is
        pseudo,   ///< checksum over a pseudo-header
        icmp,
    };
    Kind kind = Kind::refused;
    ChecksumPatch::Field field = ChecksumPatch::Field::none;
    uint16_t checksum = 0;  ///< offset of the checksum field
    uint16_t minimum = 0;   ///< least size of a whole segment
};

/// By its number in the tunnel.
Protocol protocol_of(uint8_t number);

/// Numbers of IP and tunnel; 255 (reserved, refused) for ICMP of the wrong family.
uint8_t tunnel_protocol(net::Family family, uint8_t number);
uint8_t ip_protocol(net::Family family, uint8_t number);

/// One layer-4 segment, whole or a fragment of it.
struct Segment {
    Protocol protocol;
    /// pseudo: the checksum field, if it is in this fragment.
    std::optional<uint16_t> checksum;
    /// ICMP: the type, if this is the start of the message.
    const IcmpMapping* icmp = nullptr;
    /// An ICMP error may be sent about it (RFC 1122 section 3.2.2).
    bool answerable = false;

    bool is_icmp() const { return protocol.kind == Protocol::Kind::icmp; }
};

/// Reads what translation has to know, before any mapping is looked up. `number` as in the
/// tunnel, ICMP types as on `side`.
tl::expected<Segment, DropReason> classify(wire::Bytes bytes, uint8_t number,
                                           const std::optional<wire::Fragment>& fragment,
                                           IcmpSide side);

/// A type and code as they count in a checksum.
net::Checksum type_sum(const IcmpType& type);

/// Where the two bytes at `field` of the whole segment stand in this fragment of `size` bytes;
/// none if elsewhere, fragment_cuts_checksum if one of them is.
tl::expected<std::optional<uint16_t>, DropReason> locate(uint16_t field, size_t start, size_t size);

}  // namespace ipref::gw

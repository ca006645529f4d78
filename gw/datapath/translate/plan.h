// SPDX-License-Identifier: GPL-2.0-or-later
// A translation in two steps. encap() and decap() read a packet, look up and fill a Plan: the new
// header, and what the checksum field has to change by. The packet is untouched, so it can still
// be quoted in an ICMP error. apply() then swaps the header in place.
//
// All segments of one flow share a plan but for lengths and sequence numbers: plan once, then
// write header() before each segment and patch() each checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/net/checksum.h"
#include "common/net/ip.h"
#include "common/wire/tunnel_packet.h"
#include "gw/datapath/drop_reason.h"
#include "gw/datapath/translate/icmp_types.h"
#include "gw/datapath/translate/packet.h"

namespace ipref::gw {

using wire::Bytes;

/// The most that is quoted of a packet in an ICMP error.
inline constexpr size_t kMaxQuote = 576;
/// How many packets may be nested in an ICMP error.
inline constexpr size_t kMaxQuoteDepth = 3;

enum class Action : uint8_t {
    forward,  ///< apply the plan and send
    drop,     ///< for Verdict::reason
    answer,   ///< drop for Verdict::reason, and send the ICMP error Verdict::error back
    hold,     ///< kept in WaitingFragments; nothing to send
};

/// ICMP errors that the gateway makes itself.
enum class IcmpError : uint8_t { net_unreachable, ttl_expired, fragmentation_needed };

struct Verdict {
    Action action = Action::forward;
    DropReason reason{};  ///< drop and answer
    IcmpError error{};    ///< answer
};

/// How to change a layer-4 segment: its checksum, and the type of an ICMP echo. Nothing to do by
/// default.
struct ChecksumPatch {
    enum class Field : uint8_t {
        none,
        plain,    ///< TCP, ICMP, DCCP
        nonzero,  ///< UDP-Lite: a result of 0 is written as 0xffff
        udp,      ///< likewise, and a field of 0 stays 0
    };
    Field field = Field::none;
    uint16_t offset = 0;           ///< of the field in this segment, bytes
    net::Checksum change;          ///< what enters minus what leaves the covered bytes
    std::optional<IcmpType> type;  ///< goes into the first two bytes; `change` allows for it
};

/// Changes `segment`, which holds the checksum field as a whole.
void patch_checksum(const ChecksumPatch& patch, std::span<uint8_t> segment);

/// "Packet too big" of a local IPv6 host or router: packets to `host` are to be `mtu` at most.
struct LearntMtu {
    net::Ip host;
    uint32_t mtu = 0;
};

/// A fragment that waited and can go now, after the packet in hand and to the same place.
struct Released {
    std::span<uint8_t> bytes;  ///< complete; valid until the worker's next encap() or decap()
    bool df = false;           ///< as Plan::df
};

/// What becomes of one packet. Reuse one per worker: it is large, and each call overwrites it.
/// Valid after Action::forward; after Action::hold addresses, df and sizes are.
class Plan {
  public:
    /// Into the tunnel: context addresses, send to `destination`. Out of it: EA and local host.
    net::Ip source;
    net::Ip destination;
    /// Not to be fragmented on the way (the IPREF packet's DF).
    bool df = false;
    /// The packet that came was IPv6 and had `original_size` bytes.
    bool from_ipv6 = false;
    /// It is a fragment other than the first: its sender cannot be told anything about it.
    bool later_fragment = false;
    size_t original_size = 0;
    std::optional<LearntMtu> learnt;
    std::optional<Released> released;

    /// Bytes of the packet after apply().
    size_t size() const { return header_size + segment_size; }
    Bytes header() const { return {header_bytes.data(), header_size}; }
    /// The ICMP error that takes the segment's place; empty if the segment stays.
    Bytes message() const { return {message_bytes.data(), message_size}; }

    // How it is done; filled in by encap() and decap().
    ChecksumPatch patch;
    size_t skip = 0;          ///< bytes of the old header
    size_t segment_size = 0;  ///< bytes of the layer-4 segment, or of message()
    size_t header_size = 0;
    size_t message_size = 0;
    std::array<uint8_t, wire::kMaxTunnelHeader> header_bytes;
    std::array<uint8_t, 8 + kMaxQuote + kMaxQuoteDepth * 64> message_bytes;
};

/// Turns the packet that `plan` was made from into the new one, in place; the payload does not
/// move. `packet` has kHeadroom bytes before it.
void apply(const Plan& plan, Packet& packet);

/// The beginning of what apply() would make, written elsewhere: the new header, and the message()
/// or else the first `copied` bytes of `segment`, which must hold its checksum field. Returns its
/// size. `out` has room for all that. The rest of the segment stays as it is.
size_t write_head(const Plan& plan, Bytes segment, size_t copied, std::span<uint8_t> out);

}  // namespace ipref::gw

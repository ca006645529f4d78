// SPDX-License-Identifier: GPL-2.0-or-later
// The V1 protocol of the mapper socket, as deployed programs speak it. One packet is one record of
// the SOCK_SEQPACKET socket, at most kV1PacketLimit bytes. All numbers are big-endian on the wire.
// Source: spec "The mapper socket", section "Theirs: V1".
//
// Values here are whole packets; parse_v1() checks everything that the spec calls malformed, so
// that what it returns needs no further check. build_v1() gives the bytes of a value.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/net/ref.h"
#include "common/result.h"
#include "common/wire/cursor.h"
#include "common/wire/host_set.h"

namespace ipref::wire {

inline constexpr uint8_t kV1Signature = 0x11;
inline constexpr size_t kV1HeaderSize = 8;
/// No packet of ours is longer; longer ones that arrive are taken, up to the length field's range.
inline constexpr size_t kV1PacketLimit = 1200;

/// The top two bits of byte 1.
enum class V1Mode : uint8_t { data = 0x00, request = 0x40, ack = 0x80, nack = 0xc0 };

/// How addresses are written: fixed has one pair of families in the header, which all records of
/// the packet share; self-describing puts the families in front of each record.
struct V1Layout {
    bool self_describing = false;
    net::Family ea = net::Family::v4;  ///< fixed only: of the EA and our IP
    net::Family gw = net::Family::v4;  ///< fixed only
    friend bool operator==(const V1Layout&, const V1Layout&) = default;
};

/// An address record. `ea` and `ip` have one family; the one that does not apply is all zeros.
struct V1Record {
    net::Ip ea;
    net::Ip ip;
    net::IpRef ipref;
    friend bool operator==(const V1Record&, const V1Record&) = default;
};

/// Command 0, mode data.
struct V1Noop {
    friend bool operator==(const V1Noop&, const V1Noop&) = default;
};

/// Command 7. Request: ea and ip zero, `name` is the DNS name. Ack: ea filled in, no name.
struct V1GetEa {
    V1Record record;
    std::string name;
    friend bool operator==(const V1GetEa&, const V1GetEa&) = default;
};

/// Command 14. An ack has no records.
struct V1HostData {
    uint32_t batch = 0;
    uint64_t hash = 0;
    std::string local_domain;
    std::string public_domain;
    std::vector<V1Record> records;  ///< ea zero
    friend bool operator==(const V1HostData&, const V1HostData&) = default;
};

/// Command 15; ack and nack repeat the request.
struct V1HostDataHash {
    uint32_t count = 0;
    uint64_t hash = 0;
    std::string local_domain;
    std::string public_domain;
    friend bool operator==(const V1HostDataHash&, const V1HostDataHash&) = default;
};

/// A nack of header only; `command` is the one that is refused (7, 14 or 15).
struct V1Nack {
    uint8_t command = 0;
    friend bool operator==(const V1Nack&, const V1Nack&) = default;
};

using V1Body = std::variant<V1Noop, V1GetEa, V1HostData, V1HostDataHash, V1Nack>;

struct V1Packet {
    V1Mode mode = V1Mode::data;
    uint16_t id = 0;  ///< chosen by the sender of a request, repeated in the answer
    V1Layout layout;  ///< an answer has the layout of its request
    V1Body body;
    friend bool operator==(const V1Packet&, const V1Packet&) = default;
};

/// One whole packet. The error says what is malformed; by the spec it is logged, and the packet
/// dropped without an answer.
Result<V1Packet> parse_v1(Bytes packet);

/// The bytes of a packet. Fails if a name is longer than 255 bytes, a record's families differ
/// from a fixed layout, or the packet would be longer than its length field can say.
Result<std::vector<uint8_t>> build_v1(const V1Packet& packet);

/// How many records fit into a host-data packet of at most kV1PacketLimit bytes.
size_t v1_records_that_fit(const V1Layout& layout, const std::string& local_domain,
                           const std::string& public_domain, net::Family ea, net::Family gw);

}  // namespace ipref::wire

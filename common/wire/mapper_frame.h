// SPDX-License-Identifier: GPL-2.0-or-later
// Records of the mapper socket: which protocol one belongs to, and frames of the protobuf protocol
// (proto/mapper.proto). One record is one Frame, at most kFrameLimit bytes.
// Source: spec "The mapper socket", section "Ours: protobuf".
#pragma once

#include <mapper.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/net/ref.h"
#include "common/result.h"
#include "common/wire/cursor.h"
#include "common/wire/host_set.h"

namespace ipref::wire {

inline constexpr size_t kFrameLimit = 65536;
inline constexpr uint32_t kFrameVersion = 1;
/// Most hosts in one HostData frame, queries in one GetEncodedAddresses frame.
inline constexpr int kFrameItems = 1000;

enum class RecordKind : uint8_t { protobuf, v1, unknown };

/// Told by the first byte: 0x08, 0x11, anything else (also an empty record).
RecordKind record_kind(Bytes record);

/// A frame of any version other than 0; the caller answers versions it does not know, and bodies
/// that are not set, with a Failure. Addresses inside are still bytes: see below.
Result<proto::Frame> parse_frame(Bytes record);

/// The record of a frame; sets `version` if it is 0. Fails if it is longer than kFrameLimit.
Result<std::vector<uint8_t>> build_frame(proto::Frame frame);

/// Addresses in frames: 4 or 16 bytes in network order; nothing if the size is another.
std::optional<net::Ip> ip_from(const std::string& bytes);
std::string bytes_of(const net::Ip& ip);
/// References: 16 bytes, most significant first.
std::optional<net::Ref> ref_from(const std::string& bytes);
std::string bytes_of(const net::Ref& ref);
std::optional<net::IpRef> ipref_from(const proto::IpRef& ipref);
void put_ipref(const net::IpRef& ipref, proto::IpRef& out);
std::optional<Host> host_from(const proto::Host& host);
void put_host(const Host& host, proto::Host& out);

}  // namespace ipref::wire

// SPDX-License-Identifier: GPL-2.0-or-later
// What `ipref-gw trace` prints, and what `ipref-gw capture` writes.
#pragma once

#include <mapper.pb.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/net/ip.h"

namespace ipref::gw::admin {

/// One line of text, or one line of JSON (ipref.trace/1), with its newline.
std::string trace_text(const proto::TraceEvent& event);
std::string trace_json(const proto::TraceEvent& event);
/// The line that says how many events were left out.
std::string missed_text(uint64_t missed);
std::string missed_json(uint64_t missed);

/// Our end of the tunnel, for the headers that the kernel strips before we see a packet.
struct TunnelEnd {
    net::Ip ip4;
    net::Ip ip6 = net::Ip::any(net::Family::v6);
    uint16_t port = 1045;
};

/// A pcapng file (draft-ietf-opsawg-pcapng), little-endian: an interface for the TUN, one for the
/// tunnel, both of raw IP (LINKTYPE_RAW); why a packet was dropped stands in its comment.
std::string pcapng_head(std::string_view program, std::string_view tun, uint32_t snap);
/// One packet; empty for an event that is none. `missed`: packets that were left out before it.
std::string pcapng_packet(const proto::TraceEvent& event, const TunnelEnd& end, uint64_t missed);
/// At the end, how many packets were left out in all.
std::string pcapng_end(uint64_t nanoseconds, uint64_t missed);

}  // namespace ipref::gw::admin

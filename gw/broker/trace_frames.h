// SPDX-License-Identifier: GPL-2.0-or-later
// What a subscriber is told of what has happened: its filter, its snap length, frames of a size
// that the socket takes. No I/O.
#pragma once

#include <mapper.pb.h>

#include <vector>

#include "gw/broker/session.h"

namespace ipref::gw {

/// Widens `all` by what one subscriber's request wants.
void widen(proto::TraceRequest& all, const proto::Frame& subscriber);

/// Whether the request asks for the event.
bool wants(const proto::TraceRequest& request, const proto::TraceEvent& event);

/// Frames for one subscriber; none if nothing of it is of interest and nothing was missed.
std::vector<Record> trace_frames(const proto::Frame& subscriber, const proto::TraceEvents& all,
                                 uint64_t missed);

}  // namespace ipref::gw

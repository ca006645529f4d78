// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets towards a DNS server.
#pragma once

#include <optional>

#include "common/net/ip.h"
#include "common/run/fd.h"

namespace ipref::dns {

/// A non-blocking socket of `type` (SOCK_DGRAM, SOCK_STREAM) that is connected to `server`, or
/// being so; with an address of its own in `source`, from that one. 0 or an errno.
int connect_to(run::Fd& fd, const net::Endpoint& server, int type,
               const std::optional<net::Ip>& source);

}  // namespace ipref::dns

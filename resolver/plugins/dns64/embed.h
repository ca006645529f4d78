// SPDX-License-Identifier: GPL-2.0-or-later
// IPv4 addresses inside IPv6 ones: RFC 6052 section 2.2.
#pragma once

#include "common/net/ip.h"

namespace ipref::resolver {

/// Whether a prefix is IPv6 and has 32, 40, 48, 56, 64 or 96 bits, bits 64 to 71 zero.
bool can_embed(const net::Cidr& prefix);
/// `prefix` can embed, `v4` is IPv4.
net::Ip embed(const net::Cidr& prefix, const net::Ip& v4);

}  // namespace ipref::resolver

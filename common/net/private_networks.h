// SPDX-License-Identifier: GPL-2.0-or-later
// Networks from which no packet of the Internet comes: loopback, RFC 1918, link-local, unique
// local.
#pragma once

#include <span>

#include "common/net/ip.h"

namespace ipref::net {

std::span<const Cidr> private_networks();
bool is_private(const Ip& ip);

}  // namespace ipref::net

// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's routes, as /proc shows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/net/ip.h"

namespace ipref::gw::admin {

struct Route {
    net::Cidr to;
    std::string device;
};

/// /proc/net/route. Lines that are not understood are left out.
std::vector<Route> parse_routes4(std::string_view text);
/// /proc/net/ipv6_route, without local, multicast and unreachable ones.
std::vector<Route> parse_routes6(std::string_view text);

}  // namespace ipref::gw::admin

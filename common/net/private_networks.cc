// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/private_networks.h"

#include <algorithm>
#include <array>

namespace ipref::net {

std::span<const Cidr> private_networks() {
    static const std::array kAll = {*Cidr::parse("127.0.0.0/8"),    *Cidr::parse("10.0.0.0/8"),
                                    *Cidr::parse("172.16.0.0/12"),  *Cidr::parse("192.168.0.0/16"),
                                    *Cidr::parse("169.254.0.0/16"), *Cidr::parse("::1/128"),
                                    *Cidr::parse("fc00::/7"),       *Cidr::parse("fe80::/10")};
    return kAll;
}

bool is_private(const Ip& ip) {
    return std::ranges::any_of(private_networks(),
                               [&](const Cidr& net) { return net.contains(ip); });
}

}  // namespace ipref::net

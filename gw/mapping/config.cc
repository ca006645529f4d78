// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/config.h"

#include <algorithm>
#include <array>

namespace ipref::gw {

const net::Cidr* MappingConfig::encode_net(net::Family ea) const {
    const auto found =
        std::ranges::find_if(encode_nets, [&](const auto& net) { return net.family() == ea; });
    return found == encode_nets.end() ? nullptr : &*found;
}

const net::Ip* MappingConfig::gateway(net::Family gw) const {
    const auto found =
        std::ranges::find_if(gateways, [&](const auto& ip) { return ip.family() == gw; });
    return found == gateways.end() ? nullptr : &*found;
}

bool MappingConfig::in_encode_net(const net::Ip& ip) const {
    return std::ranges::any_of(encode_nets, [&](const auto& net) { return net.contains(ip); });
}

net::Ip MappingConfig::own_ea(const net::Cidr& encode_net) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(encode_net.ip().bytes(), bytes.begin());
    bytes[encode_net.ip().size() - 1] = 1;
    return net::Ip(encode_net.family(), bytes.data());
}

}  // namespace ipref::gw

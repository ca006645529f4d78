// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/settings.h"

#include <algorithm>

namespace ipref::gw {

EncodeNet encode_net(const net::Cidr& net) {
    uint8_t bytes[16] = {};
    std::copy(net.ip().bytes().begin(), net.ip().bytes().end(), bytes);
    bytes[net.ip().size() - 1] = 1;
    return {net, net::Ip(net.family(), bytes)};
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// What translation needs to know of this gateway. Constant while the gateway runs.
#pragma once

#include <optional>

#include "common/net/ip.h"
#include "common/net/ref.h"

namespace ipref::gw {

/// The local side in one family.
struct EncodeNet {
    net::Cidr net;
    net::Ip gateway;  ///< the gateway's own EA: the network with last byte 1
};

struct Settings {
    std::optional<EncodeNet> ea4;
    std::optional<EncodeNet> ea6;
    /// Our context address by family; 0.0.0.0 or :: is "whatever the peer sees".
    std::optional<net::Ip> pub4;
    std::optional<net::Ip> pub6;
    net::Ref gateway_ref{0, 1};
    bool dec_ttl = false;

    const std::optional<EncodeNet>& ea(net::Family family) const {
        return family == net::Family::v4 ? ea4 : ea6;
    }
    const std::optional<net::Ip>& pub(net::Family family) const {
        return family == net::Family::v4 ? pub4 : pub6;
    }
    bool in_encode_net(const net::Ip& ip) const {
        const auto& side = ea(ip.family());
        return side && side->net.contains(ip);
    }
};

/// The encode network with the gateway's own EA in it.
EncodeNet encode_net(const net::Cidr& net);

}  // namespace ipref::gw

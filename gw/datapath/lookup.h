// SPDX-License-Identifier: GPL-2.0-or-later
// What the data path asks of the mapping table: the one interface between the two.
#pragma once

#include <optional>

#include "common/net/ip.h"
#include "common/net/ref.h"

namespace ipref::gw {

/// The two relations a gateway keeps: EA <-> (their gw, ref) and our IP <-> (our gw, our
/// ref). Called by every worker at once; implementations do not block on a hit. An address that is
/// returned stays right at least until the packet in hand has been sent.
class Lookup {
  public:
    virtual ~Lookup() = default;

    /// EA -> their IPREF address. Never allocates.
    virtual std::optional<net::IpRef> theirs(const net::Ip& ea) = 0;
    /// Our host -> its IPREF address towards gateways of family `gw`, allocated if it has none.
    virtual std::optional<net::IpRef> ours(const net::Ip& host, net::Family gw) = 0;
    /// Our IPREF address -> our host. `ip` of the argument is the packet's destination context,
    /// zero when the packet left it open. Never allocates.
    virtual std::optional<net::Ip> host(const net::IpRef& ours) = 0;
    /// Their IPREF address -> its EA of family `ea`, allocated if it has none.
    virtual std::optional<net::Ip> ea(const net::IpRef& theirs, net::Family ea) = 0;

    /// As ours() and ea(), but never allocates: for the packets quoted in ICMP errors, where
    /// anyone can name any address.
    virtual std::optional<net::IpRef> known_ours(const net::Ip& host, net::Family gw) = 0;
    virtual std::optional<net::Ip> known_ea(const net::IpRef& theirs, net::Family ea) = 0;
};

}  // namespace ipref::gw

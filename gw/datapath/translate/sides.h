// SPDX-License-Identifier: GPL-2.0-or-later
// Look-ups with the gateway's own addresses in front: they are constant and need no table.
#pragma once

#include <optional>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/datapath/translate/translate.h"

namespace ipref::gw {

/// Whether to make a mapping where there is none.
enum class Make : uint8_t { no, yes };

/// Our host's, or the gateway's, IPREF address towards gateways of family `gw`.
std::optional<net::IpRef> ours_of(const Translation& context, const net::Ip& host, net::Family gw,
                                  Make make);

/// Their EA in family `ea`.
std::optional<net::Ip> ea_of(const Translation& context, const net::IpRef& theirs, net::Family ea,
                             Make make);

/// The host, or the gateway's EA, behind one of our IPREF addresses as it stood in a packet.
std::optional<net::Ip> host_of(const Translation& context, const net::IpRef& ours);

/// Whether a context address in a packet means this gateway: zero, equal to ours, or ours is zero.
bool is_our_context(const Settings& settings, const net::Ip& context);

}  // namespace ipref::gw

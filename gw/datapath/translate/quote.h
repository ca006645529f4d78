// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP errors: the packet they quote is translated too, as one that went the other way, to a
// depth of kMaxQuoteDepth, leniently (truncated is fine, checksums need not be right), from at
// most kMaxQuote bytes. Length attributes and extensions (RFC 4884) are left out, because what
// they measure changes. Source: spec "The IPREF protocol", section "ICMP".
#pragma once

#include <optional>

#include "gw/datapath/translate/translate.h"

namespace ipref::gw {

/// `message`: an ICMP error of the local side, from its type on; `mapping`: the line of its type;
/// `ea`: the family it came in. Fills plan.message_bytes, message_size, segment_size, learnt.
std::optional<DropReason> plan_error_into_tunnel(Bytes message, const IcmpMapping& mapping,
                                                 net::Family ea, const Translation& context,
                                                 Plan& plan);

/// `message`: an ICMP error of the tunnel that goes to `host`, from `ea`, both of the packet
/// around it. `peer`: the gateway it came from.
std::optional<DropReason> plan_error_out_of_tunnel(Bytes message, const IcmpMapping& mapping,
                                                   const net::Ip& ea, const net::Ip& host,
                                                   const net::Ip& peer, const Translation& context,
                                                   Plan& plan);

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// Translation between local packets and IPREF packets. Source: spec "The IPREF protocol".
// Pure: no I/O, no clock; state is Lookup (shared) and WaitingFragments (the worker's). Any number
// of workers may call at once, each with its own Plan and WaitingFragments.
//
//   const auto verdict = encap(packet.bytes(), context, now, plan);
//   forward:  switch (fit(plan, tunnel_room(path_mtu, family)))      (mtu.h)
//               whole:   apply(plan, packet), send packet.bytes() to plan.destination
//               split:   apply, then send the pieces of Splitter::tunnel   (splitter.h)
//               too_big: count mtu_exceeded; if may_answer(packet), make the error
//             then plan.released likewise (split it if it is too big), plan.learnt: remember
//   answer:   count the reason; rate limit; make_local_error / make_tunnel_error  (icmp_error.h)
//   drop:     count the reason
#pragma once

#include "gw/datapath/lookup.h"
#include "gw/datapath/translate/plan.h"
#include "gw/datapath/translate/settings.h"
#include "gw/datapath/translate/waiting_fragments.h"

namespace ipref::gw {

/// What translation works with, in one direction of one worker.
struct Translation {
    const Settings& settings;
    Lookup& lookup;
    WaitingFragments& waiting;
};

/// A packet of the local network, as read from the TUN without any header before it.
Verdict encap(Bytes packet, const Translation& context, Time now, Plan& plan);

/// The UDP payload that came from `peer` (address only; of the tunnel's family). On forward and
/// hold the datagram has proved good: its port may be learnt.
Verdict decap(Bytes packet, const net::Ip& peer, const Translation& context, Time now, Plan& plan);

}  // namespace ipref::gw

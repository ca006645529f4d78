// SPDX-License-Identifier: GPL-2.0-or-later
// Small helpers that encap and decap share.
#pragma once

#include "gw/datapath/translate/layer4.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

inline Verdict forward() {
    return {Action::forward, {}, {}};
}
inline Verdict drop(DropReason reason) {
    return {Action::drop, reason, {}};
}
inline Verdict answer(DropReason reason, IcmpError error) {
    return {Action::answer, reason, error};
}
inline Verdict hold() {
    return {Action::hold, {}, {}};
}

/// A plan that swaps the header and touches nothing else.
inline void start_plan(Plan& plan, Bytes packet, size_t header_size) {
    plan.learnt.reset();
    plan.released.reset();
    plan.patch = {};
    plan.skip = header_size;
    plan.original_size = packet.size();
    plan.segment_size = packet.size() - header_size;
    plan.message_size = 0;
}

/// The type of an echo, and its part in the checksum.
inline void plan_echo(Plan& plan, const IcmpMapping& mapping, IcmpSide from, IcmpSide to) {
    plan.patch.field = ChecksumPatch::Field::plain;
    plan.patch.offset = 2;
    plan.patch.type = mapping.on(to);
    plan.patch.change.subtract(type_sum(mapping.on(from))).add(type_sum(mapping.on(to)));
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// Packets of one flow come in bursts, and what encap() and decap() find out is the same for all of
// them but for lengths. So that this costs a comparison instead of two look-ups: the last plan,
// and which packets it serves as well. TCP and UDP that are not fragmented; everything else is
// never a repetition.
#pragma once

#include <array>
#include <cstdint>

#include "common/net/ip.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

/// One direction of one worker. What the table says may change: forget() before each batch.
class Repeat {
  public:
    void forget() { size_ = 0; }

    /// After decap() of `packet`, which came from `peer`, filled `plan` and forwards.
    void remember_decap(Bytes packet, const net::Ip& peer, const Plan& plan);
    /// If `packet` is served by the plan remembered: changes `plan`, the same, to be for it.
    bool again_decap(Bytes packet, const net::Ip& peer, Plan& plan) const;

    /// Likewise for encap().
    void remember_encap(Bytes packet, const Plan& plan);
    bool again_encap(Bytes packet, Plan& plan) const;

  private:
    std::array<uint8_t, wire::kMaxTunnelHeader> header_;
    size_t size_ = 0;   // of the header; 0: nothing remembered
    size_t least_ = 0;  // of the layer-4 segment
    net::Ip peer_;
};

}  // namespace ipref::gw

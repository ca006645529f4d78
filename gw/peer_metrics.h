// SPDX-License-Identifier: GPL-2.0-or-later
// Metrics of each remote gateway by itself, -metrics-peers: a label a peer, so they are bounded.
#pragma once

#include <string>

#include "common/run/metrics.h"
#include "gw/datapath/peers.h"

namespace ipref::gw {

/// ipref_gw_peer_last_received_timestamp_seconds, ipref_gw_peer_port_changes_total and
/// ipref_gw_path_mtu_bytes of those that were heard of last.
class PeerMetrics : public run::Collector {
  public:
    /// `peers` outlives the registry's last use.
    void show(const Peers& peers, size_t most);
    void write(std::string& out) const override;

  private:
    const Peers* peers_ = nullptr;
    size_t most_ = 0;
};

}  // namespace ipref::gw

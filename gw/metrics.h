// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway's numbers: as metrics, and as counters for the admin commands.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/run/metrics.h"
#include "gw/datapath/datapath.h"
#include "gw/mapping/store.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

constexpr PeerSeconds kPeerActive = 300;  ///< seconds since a peer was heard last

/// Totals over all workers, by name; the same names as in the metrics.
std::map<std::string, uint64_t> datapath_counters(const Datapath& datapath);
/// Drops over all workers for one reason.
struct Dropped {
    const DropInfo& info;
    uint64_t out = 0;  ///< into the tunnel
    uint64_t in = 0;   ///< out of it
};
/// Those that happened, in the order of the enum.
std::vector<Dropped> dropped(const Datapath& datapath);
/// The same of both directions together, by reason.
std::map<std::string, uint64_t> datapath_drops(const Datapath& datapath);

/// Registers what they know. All of them outlive the registry's last use.
void register_build(run::Metrics& metrics);
void register_datapath(run::Metrics& metrics, const Datapath& datapath);
void register_table(run::Metrics& metrics, const Table& table);
void register_store(run::Metrics& metrics, const Store& store);

}  // namespace ipref::gw

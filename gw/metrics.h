// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway's numbers: as metrics, and as counters for the admin commands.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/run/metrics.h"
#include "gw/datapath/datapath.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// Totals over all workers, by name; the same names as in the metrics.
std::map<std::string, uint64_t> datapath_counters(const Datapath& datapath);
/// Drops over all workers and both directions, by reason; those that happened.
std::map<std::string, uint64_t> datapath_drops(const Datapath& datapath);

/// Registers what they know. All of them outlive the registry's last use.
void register_build(run::Metrics& metrics);
void register_datapath(run::Metrics& metrics, const Datapath& datapath);
void register_table(run::Metrics& metrics, const Table& table);

}  // namespace ipref::gw

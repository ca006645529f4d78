// SPDX-License-Identifier: GPL-2.0-or-later
// What plugin cache counts, with CoreDNS's names and labels (spec page "ipref-coredns", "Metric
// names to keep").
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "common/run/metrics.h"
#include "resolver/plugins/cache/table.h"

namespace ipref::resolver::cache {

/// Of one listener.
struct Counters {
    Counters(run::Metrics& metrics, const std::string& server, const std::string& zones,
             const std::string& view);

    Counters(run::Metrics& metrics, const run::Labels& labels);

    run::Counter& requests;
    run::Counter& misses;
    run::Counter& prefetches;
    run::Counter& drops;
    run::Counter& stale;
    std::array<run::Counter*, kKinds> hits;
    std::array<run::Counter*, kKinds> evictions;
    std::array<run::Gauge*, kKinds> entries;
};

/// One worker's way to them, without a lock and without a map.
class CountersByServer {
  public:
    CountersByServer(run::Metrics& metrics, std::string zones, std::string view)
        : metrics_(metrics), zones_(std::move(zones)), view_(std::move(view)) {}
    /// `server` is Query::server(): its address says which.
    Counters& of(const std::string& server);

  private:
    run::Metrics& metrics_;
    std::string zones_;
    std::string view_;
    std::vector<std::pair<const std::string*, std::unique_ptr<Counters>>> known_;
};

}  // namespace ipref::resolver::cache

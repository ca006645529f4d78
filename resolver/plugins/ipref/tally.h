// SPDX-License-Identifier: GPL-2.0-or-later
// Counts of plugin ipref's own answers, by the names that dashboards know. Each worker counts for
// itself; a reader adds them up. Counts go on through reloads.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "resolver/plugins/prometheus/tally.h"

namespace ipref::resolver::aa {

/// Of one listener, by one worker.
class Answers {
  public:
    Answers();
    /// NOERROR, or else SERVFAIL; `seconds`: from the query's arrival.
    void count(bool answered, double seconds);

  private:
    friend class Tally;
    Spread seconds_;
    run::WorkerCounter noerror_;
    run::WorkerCounter servfail_;
};

class Tally final : public run::Collector {
  public:
    /// The worker's own; keep the reference, it lives as long as this.
    Answers& of(const std::string& server, unsigned worker);
    void write(std::string& out) const override;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::map<unsigned, Answers>> answers_;
};

}  // namespace ipref::resolver::aa

// SPDX-License-Identifier: GPL-2.0-or-later
// What one agent has said about its sources, for `ipref-gw status`. What is kept is bounded, and
// does no harm wherever it is shown.
#pragma once

#include <mapper.pb.h>

#include <map>
#include <string>

#include "common/result.h"
#include "gw/mapping/clock.h"

namespace ipref::gw {

class AgentReports {
  public:
    static constexpr size_t kMostBytes = 256 << 10;  ///< of all reports, as frames have them, about
    static constexpr int kMostServers = 32;          ///< of one source, as the agent has them

    /// Takes the place of what it has said about the same source, or forgets that.
    Result<void> take(const proto::SourceReport& report, Seconds now);
    bool empty() const { return reports_.empty(); }
    /// By source, with what has passed since put right, in `room` bytes at most; how many are left
    /// out.
    uint64_t put(proto::Status::Agent& to, Seconds now, size_t room) const;

  private:
    struct Kept {
        proto::SourceReport report;
        Seconds at = 0;
        size_t bytes = 0;
    };
    std::map<std::string, Kept> reports_;
    size_t bytes_ = 0;
};

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// Zones that go back and forth between the same few sets of hosts: two servers behind one address,
// two masters, a script and a person. What comes anew is published at once, always; what comes back
// again and again must stay for a while first. No I/O; the time is given.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "common/run/loop.h"

namespace ipref::agent {

class Damper {
  public:
    static constexpr run::Milliseconds kMemory{600'000};  ///< how long a set that was left counts
    static constexpr size_t kSets = 8;                    ///< that are remembered
    static constexpr int kFree = 2;                       ///< returns: a mistake is taken back
    static constexpr run::Milliseconds kFirst{5'000};     ///< doubled with each further return
    static constexpr run::Milliseconds kLongest{300'000};

    /// How long a set, named by its hash, must stay before it is published; 0: at once. The same
    /// set as last time: 0.
    run::Milliseconds judge(uint64_t set, run::Milliseconds now);

  private:
    struct Left {
        uint64_t set;
        run::Milliseconds at;
    };
    std::optional<uint64_t> last_;
    std::deque<Left> left_;  ///< sets that were there before, the oldest first
    int returns_ = 0;
};

}  // namespace ipref::agent

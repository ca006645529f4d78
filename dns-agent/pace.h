// SPDX-License-Identifier: GPL-2.0-or-later
// How often something may be done: a few times at once, then at even intervals.
#pragma once

#include <algorithm>

#include "common/run/loop.h"

namespace ipref::agent {

/// A token bucket, full at first: `burst` tokens, one more every `apart`. Kept as the time at which
/// it is full again.
class Pace {
  public:
    Pace(run::Milliseconds apart, int burst) : apart_(apart), slack_(apart * (burst - 1)) {}

    /// When it may be done next: `now`, or later.
    run::Milliseconds earliest(run::Milliseconds now) const {
        return std::max(now, full_at_ - slack_);
    }
    /// It is done, allowed or not.
    void take(run::Milliseconds now) { full_at_ = std::max(full_at_, now) + apart_; }

  private:
    run::Milliseconds apart_;
    run::Milliseconds slack_;
    run::Milliseconds full_at_{};
};

}  // namespace ipref::agent

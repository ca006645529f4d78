// SPDX-License-Identifier: GPL-2.0-or-later
// The mapper's time: seconds since 1970, kept by whoever owns it and read by everybody.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ipref::gw {

/// Seconds since 1970 as 32 bits (until 2106); what marks in the table and the store hold.
using Seconds = uint32_t;

/// Read by any thread; set by one: the main loop once a second, or a test. The main loop gives it
/// wall time at start and adds monotonic time from then on, so that a clock set while the gateway
/// runs neither expires a mapping nor keeps a dead one.
class Clock {
  public:
    Seconds now() const { return now_.load(std::memory_order_relaxed); }
    /// Never backwards: an earlier time is ignored.
    void set(Seconds now) { now_.store(std::max(now, this->now()), std::memory_order_relaxed); }

  private:
    std::atomic<Seconds> now_{1};
};

}  // namespace ipref::gw

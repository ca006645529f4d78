// SPDX-License-Identifier: GPL-2.0-or-later
// The mapper's heartbeat: sets the clock and sweeps the table, once a second.
#pragma once

#include "common/run/loop.h"
#include "gw/mapping/clock.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// When a mapping that was last used at `used` ends; `now` counts as use if it lies before it.
constexpr bool has_expired(Seconds used, Seconds now, Seconds life) {
    return now > used && now - used >= life;
}

/// Seconds left of a life that began at `used`; 0 if over.
constexpr Seconds left_of(Seconds used, Seconds now, Seconds life) {
    return now <= used ? life : now - used >= life ? 0 : life - (now - used);
}

/// Wall time at its making plus the loop's monotonic time since: see Clock.
class Heartbeat {
  public:
    /// Starts at once. `clock` and `table` outlive it. The clock keeps a later time that the store
    /// gave it.
    Heartbeat(run::Loop& loop, Clock& clock, Table& table);

  private:
    void beat();

    run::Loop& loop_;
    Clock& clock_;
    Table& table_;
    Seconds start_;  ///< seconds since 1970 at `since_`
    run::Milliseconds since_;
    run::Timer timer_;
};

/// Wall time of the machine, seconds since 1970.
Seconds wall_time();

}  // namespace ipref::gw

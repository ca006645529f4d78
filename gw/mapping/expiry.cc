// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/expiry.h"

#include <chrono>

#include "common/run/unix_time.h"

namespace ipref::gw {

namespace {

// Rows a second: a million in under a minute. In slices, so that packets seldom wait for the lock.
constexpr size_t kSlice = 1'000;
constexpr int kSlices = 20;

}  // namespace

Heartbeat::Heartbeat(run::Loop& loop, Clock& clock, Table& table)
    : loop_(loop),
      clock_(clock),
      table_(table),
      start_(wall_time()),
      since_(loop.now()),
      timer_(loop, [this] { beat(); }) {
    clock_.set(start_);
    start_ = clock_.now();
    timer_.start(std::chrono::seconds(1), std::chrono::seconds(1));
}

void Heartbeat::beat() {
    const auto gone = std::chrono::duration_cast<std::chrono::seconds>(loop_.now() - since_);
    clock_.set(start_ + static_cast<Seconds>(gone.count()));
    for (int i = 0; i < kSlices; i++) table_.sweep(kSlice);
}

Seconds wall_time() {
    return static_cast<Seconds>(run::unix_time());
}

}  // namespace ipref::gw

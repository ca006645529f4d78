// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches this process' own /health once a second: how long that takes tells how busy the process
// is, for metrics coredns_health_request_duration_seconds and _failures_total.
#pragma once

#include <optional>
#include <string>

#include "common/net/ip.h"
#include "common/run/fd.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "resolver/server/process.h"

namespace ipref::resolver {

class SelfCheck final : public Service {
  public:
    struct Counts {
        run::Histogram* seconds;
        run::Counter* failures;
    };
    static Counts counts(run::Metrics& metrics);

    SelfCheck(run::Loop& loop, const net::Endpoint& at, const Counts& counts);
    /// Asks now; what is still under way from before counts as a failure.
    void check();

  private:
    void turn(int events);
    void end(bool good);

    run::Loop& loop_;
    net::Endpoint at_;
    Counts counts_;
    uint64_t began_ = 0;  // nanoseconds
    std::string answer_;
    run::Fd socket_;
    std::optional<run::Poll> poll_;  // gone before the socket is
    run::Timer timer_;
};

}  // namespace ipref::resolver

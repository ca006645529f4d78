// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin forward's upstreams as one worker sees them: which is asked next, which are down, and the
// probes that find out. Source: spec page "ipref-coredns", 2.2 (forward) and "Behaviour that
// Corefiles rely on".
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/upstream.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "resolver/plugins/forward/to.h"

namespace ipref::resolver::forward {

enum class Policy : uint8_t { random, round_robin, sequential, fastest };

struct UpstreamsOptions {
    std::vector<To> to;
    Policy policy = Policy::random;
    bool force_tcp = false;               ///< probes use TCP too
    run::Milliseconds expire{10'000};     ///< of idle TCP connections
    uint32_t max_fails = 2;               ///< down after more failed probes; 0: never down
    run::Milliseconds health_check{500};  ///< between probes
    run::Milliseconds probe_timeout{1'000};
    bool recursion_desired = true;  ///< in probes
    dns::Name domain;               ///< probes ask for its NS
    bool mix_case = false;
    std::optional<net::Ip> source;
    std::shared_ptr<tls::LiveContext> tls;  ///< if any of `to` wants it
    std::string tls_servername;
    run::Metrics* metrics = nullptr;  ///< null: nothing is counted
};

/// Runs on one run::Loop; not thread-safe.
class Upstreams {
  public:
    Upstreams(run::Loop& loop, UpstreamsOptions options);
    ~Upstreams();
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    size_t size() const { return servers_.size(); }
    dns::Upstream& at(size_t index);
    const To& to(size_t index) const { return options_.to[index]; }
    /// The order in which one query tries them.
    std::vector<size_t> order();
    /// With policy fastest, how long to wait for this one before the next is asked as well.
    std::optional<run::Milliseconds> hedge_after(size_t index) const;
    bool is_down(size_t index) const;
    /// It did not answer a query: probes begin, and go on until one is answered.
    void suspect(size_t index);
    /// It answered a query, with this rcode after this time; or it did not.
    void answered(size_t index, uint16_t rcode, std::chrono::nanoseconds took);
    void silent(size_t index, std::chrono::nanoseconds waited);

  private:
    class Counts;
    struct Server;
    void probe(Server& server);

    run::Loop& loop_;
    UpstreamsOptions options_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<uint8_t> probe_query_;
    size_t turn_ = 0;
};

}  // namespace ipref::resolver::forward

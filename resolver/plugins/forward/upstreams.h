// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin forward's upstreams as one worker sees them: which is asked next, which are down, and the
// probes that find out. Source: spec page "ipref-coredns", 2.2 (forward) and "Behaviour that
// Corefiles rely on".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/upstream.h"
#include "common/run/loop.h"

namespace ipref::resolver::forward {

enum class Policy : uint8_t { random, round_robin, sequential };

struct UpstreamsOptions {
    std::vector<net::Endpoint> to;
    Policy policy = Policy::random;
    bool force_tcp = false;               ///< probes use TCP too
    run::Milliseconds expire{10'000};     ///< of idle TCP connections
    uint32_t max_fails = 2;               ///< down after more failed probes; 0: never down
    run::Milliseconds health_check{500};  ///< between probes
    run::Milliseconds probe_timeout{1'000};
    bool recursion_desired = true;  ///< in probes
    dns::Name domain;               ///< probes ask for its NS
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
    /// The order in which one query tries them.
    std::vector<size_t> order();
    bool is_down(size_t index) const;
    /// It did not answer a query: probes begin, and go on until one is answered.
    void suspect(size_t index);

  private:
    struct Server;
    void probe(Server& server);

    run::Loop& loop_;
    UpstreamsOptions options_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<uint8_t> probe_query_;
    size_t turn_ = 0;
};

/// "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "dns://192.0.2.1", or a file in the format of
/// resolv.conf(5) whose nameserver lines are taken. `path` is the word as a file's name.
Result<std::vector<net::Endpoint>> parse_to(std::string_view word, const std::string& path);
/// The nameserver lines of such a file, port 53.
std::vector<net::Endpoint> parse_resolv_conf(std::string_view text);

}  // namespace ipref::resolver::forward

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/upstreams.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "common/dns/query.h"
#include "common/dns/random.h"

namespace ipref::resolver::forward {

namespace {

std::vector<uint8_t> make_probe(const UpstreamsOptions& options) {
    const uint16_t flags = options.recursion_desired ? dns::flag::kRd : 0;
    return dns::make_query({options.domain, dns::rr::kNs, dns::klass::kIn},
                           {.flags = flags, .edns = false});
}

}  // namespace

/// What is counted of one upstream, with CoreDNS's names (spec page "ipref-coredns").
class Upstreams::Counts {
  public:
    Counts(run::Metrics* metrics, const To& to, bool by_tcp) : metrics_(metrics), to_(to.str()) {
        if (metrics == nullptr) return;
        const run::Labels labels = {{"proxy_name", "forward"}, {"to", to_}};
        auto typed = labels;
        typed.emplace_back("proto", to.doh ? "https" : to.tls ? "tcp-tls" : by_tcp ? "tcp" : "udp");
        failures = &metrics->counter("coredns_proxy_healthcheck_failures_total",
                                     "Probes that were not answered.", labels);
        reused = &metrics->counter("coredns_proxy_conn_cache_hits_total",
                                   "Queries over a connection that was there.", typed);
        opened = &metrics->counter("coredns_proxy_conn_cache_misses_total",
                                   "Queries for which a connection was opened.", typed);
    }
    void took(uint16_t rcode, std::chrono::nanoseconds time) {
        if (metrics_ == nullptr || rcode >= by_rcode_.size()) return;
        auto*& histogram = by_rcode_[rcode];
        if (histogram == nullptr) {
            histogram = &metrics_->histogram(
                "coredns_proxy_request_duration_seconds", "Time until an upstream answered.",
                run::request_seconds(),
                {{"proxy_name", "forward"}, {"to", to_}, {"rcode", dns::rcode_text(rcode)}});
        }
        histogram->observe(std::chrono::duration<double>(time).count());
    }

    run::Counter* failures = nullptr;
    run::Counter* reused = nullptr;
    run::Counter* opened = nullptr;

  private:
    run::Metrics* metrics_;
    std::string to_;
    std::array<run::Histogram*, 16> by_rcode_ = {};
};

namespace {

dns::UpstreamOptions options_for(const To& to, const UpstreamsOptions& options) {
    dns::UpstreamOptions out;
    out.expire = options.expire;
    out.mix_case = options.mix_case;
    out.source = options.source;
    if (!to.tls) return out;
    out.tls = options.tls;
    out.doh = to.doh;
    out.tls_name = to.at.ip.str();
    for (const auto* name : {&to.host, &options.tls_servername, &to.tls_name}) {
        if (!name->empty()) out.tls_name = *name;  // the last one counts
    }
    return out;
}

}  // namespace

struct Upstreams::Server {
    Server(run::Loop& loop, const To& to, const UpstreamsOptions& options,
           std::function<void(Server&)> on_time)
        : counts(options.metrics, to, options.force_tcp),
          upstream(loop, to.at, with_counts(options_for(to, options))),
          again(loop, [this, on_time = std::move(on_time)] { on_time(*this); }) {}

    dns::UpstreamOptions with_counts(dns::UpstreamOptions out) const {
        out.reused = counts.reused;
        out.opened = counts.opened;
        return out;
    }
    /// Smoothed as TCP does it (RFC 6298 section 2).
    void learn(std::chrono::nanoseconds time) {
        const double sample = std::chrono::duration<double, std::milli>(time).count();
        if (rtt < 0) {
            rtt = sample;
            deviation = sample / 2;
            return;
        }
        deviation += (std::abs(sample - rtt) - deviation) / 4;
        rtt += (sample - rtt) / 8;
    }

    Counts counts;
    dns::Upstream upstream;
    uint32_t fails = 0;
    bool probing = false;
    run::Timer again;
    double rtt = -1;  // milliseconds; negative: not known yet
    double deviation = 0;
};

Upstreams::Upstreams(run::Loop& loop, UpstreamsOptions options)
    : loop_(loop), options_(std::move(options)), probe_query_(make_probe(options_)) {
    for (const auto& to : options_.to) {
        servers_.push_back(
            std::make_unique<Server>(loop_, to, options_, [this](Server& s) { probe(s); }));
    }
}

Upstreams::~Upstreams() = default;

dns::Upstream& Upstreams::at(size_t index) {
    return servers_[index]->upstream;
}

std::vector<size_t> Upstreams::order() {
    std::vector<size_t> order(servers_.size());
    std::iota(order.begin(), order.end(), 0);
    if (options_.policy == Policy::round_robin) {
        const auto first = static_cast<ptrdiff_t>(turn_++ % order.size());
        std::rotate(order.begin(), order.begin() + first, order.end());
    }
    if (options_.policy == Policy::random) {
        for (size_t i = order.size(); i > 1; i--) {
            std::swap(order[i - 1], order[dns::random_below(static_cast<uint32_t>(i))]);
        }
    }
    if (options_.policy == Policy::fastest) {
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
            const auto& one = *servers_[a];
            const auto& other = *servers_[b];
            return one.rtt != other.rtt ? one.rtt < other.rtt : a < b;
        });
        // Now and then another one, or what has become faster would not be noticed.
        constexpr uint32_t kLooks = 32;
        if (dns::random_below(kLooks) == 0) {
            const auto other = dns::random_below(static_cast<uint32_t>(order.size()));
            std::swap(order[0], order[other]);
        }
    }
    return order;
}

std::optional<run::Milliseconds> Upstreams::hedge_after(size_t index) const {
    if (options_.policy != Policy::fastest || servers_.size() < 2) return {};
    constexpr double kLeast = 5;
    constexpr double kMost = 400;
    const auto& server = *servers_[index];
    const double usual = server.rtt < 0 ? kMost : server.rtt + 4 * server.deviation;
    return run::Milliseconds(static_cast<int64_t>(std::clamp(usual, kLeast, kMost)));
}

void Upstreams::answered(size_t index, uint16_t rcode, std::chrono::nanoseconds took) {
    servers_[index]->learn(took);
    servers_[index]->counts.took(rcode, took);
}

/// It counts as slower than that, and so moves back in the order.
void Upstreams::silent(size_t index, std::chrono::nanoseconds waited) {
    servers_[index]->learn(2 * waited);
}

bool Upstreams::is_down(size_t index) const {
    return options_.max_fails > 0 && servers_[index]->fails > options_.max_fails;
}

void Upstreams::suspect(size_t index) {
    auto& server = *servers_[index];
    if (options_.max_fails == 0 || server.probing) return;
    server.probing = true;
    probe(server);
}

void Upstreams::probe(Server& server) {
    const auto via = options_.force_tcp ? dns::Via::tcp : dns::Via::udp;
    server.upstream.ask(probe_query_, via, options_.probe_timeout,
                        [this, &server](const dns::Upstream::Outcome& outcome) {
                            if (outcome) {
                                server.fails = 0;
                                server.probing = false;
                                return;
                            }
                            if (server.counts.failures != nullptr) server.counts.failures->add();
                            if (server.fails < UINT32_MAX) server.fails++;
                            server.again.start(options_.health_check);
                        });
}

}  // namespace ipref::resolver::forward

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/upstreams.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>

#include "common/dns/random.h"
#include "common/words.h"

namespace ipref::resolver::forward {

namespace {

constexpr uint16_t kPort = 53;
constexpr uint16_t kTlsPort = 853;
constexpr std::string_view kBlanks = " \t\r";

std::vector<uint8_t> make_probe(const UpstreamsOptions& options) {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({options.domain, dns::rr::kNs, dns::klass::kIn});
    const auto message = writer.finish(0, options.recursion_desired ? dns::flag::kRd : 0);
    return {message.begin(), message.end()};
}

}  // namespace

/// What is counted of one upstream, with CoreDNS's names (spec page "ipref-coredns").
class Upstreams::Counts {
  public:
    Counts(run::Metrics* metrics, const To& to, bool by_tcp) : metrics_(metrics), to_(to.str()) {
        if (metrics == nullptr) return;
        const run::Labels labels = {{"proxy_name", "forward"}, {"to", to_}};
        auto typed = labels;
        typed.emplace_back("proto", to.tls ? "tcp-tls" : by_tcp ? "tcp" : "udp");
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
    const auto& name = to.tls_name.empty() ? options.tls_servername : to.tls_name;
    out.tls_name = name.empty() ? to.at.ip.str() : name;
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

std::vector<net::Endpoint> parse_resolv_conf(std::string_view text) {
    std::vector<net::Endpoint> servers;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (take_word(line, kBlanks) != "nameserver") continue;
        const auto ip = net::Ip::parse(take_word(line, kBlanks));
        if (ip) servers.push_back({*ip, kPort});
    }
    return servers;
}

namespace {

/// An address with or without a port; nothing if it is none.
std::optional<net::Endpoint> parse_address(std::string_view text, uint16_t port) {
    if (const auto ip = net::Ip::parse(text)) return net::Endpoint{*ip, port};
    const auto at = net::Endpoint::parse(text, port);
    if (at && at->port != 0) return *at;
    return {};
}

/// ADDRESS[:PORT][%NAME]; with a name and a port "ADDRESS%NAME" comes first.
Result<std::vector<To>> parse_tls(std::string_view word, std::string_view rest) {
    To to;
    to.tls = true;
    std::string address(rest);
    if (const auto percent = rest.find('%'); percent != std::string_view::npos) {
        const auto name = rest.substr(percent + 1);
        const auto colon = name.find(':');
        to.tls_name = name.substr(0, colon);
        address = rest.substr(0, percent);
        if (colon != std::string_view::npos) address += name.substr(colon);
        if (!dns::Name::parse(to.tls_name)) to.tls_name.clear();
        if (to.tls_name.empty()) return fail("\"{}\": no host name behind the \"%\"", word);
    }
    const auto at = parse_address(address, kTlsPort);
    if (!at) return fail("not an IP address: \"{}\"", word);
    to.at = *at;
    return std::vector{to};
}

}  // namespace

Result<std::vector<To>> parse_to(std::string_view word, const std::string& path) {
    constexpr std::string_view kPlain = "dns://";
    constexpr std::string_view kTls = "tls://";
    auto address = word;
    if (word.starts_with(kTls)) return parse_tls(word, word.substr(kTls.size()));
    if (word.starts_with(kPlain)) {
        address.remove_prefix(kPlain.size());
    } else if (word.find("://") != std::string_view::npos) {
        const auto scheme = word.substr(0, word.find("://"));
        return fail("\"{}\": forwarding over {} is not built in; use an address, dns:// or tls://",
                    word, scheme);
    }
    if (const auto at = parse_address(address, kPort)) return std::vector{To{*at, false, {}}};
    std::ifstream stream(path, std::ios::binary);
    if (!stream || address.size() != word.size()) {
        return fail("not an IP address or file: \"{}\"", word);
    }
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    std::vector<To> servers;
    for (const auto& at : parse_resolv_conf(text)) servers.push_back({at, false, {}});
    if (servers.empty()) return fail("no nameserver line with an address in file \"{}\"", path);
    return servers;
}

}  // namespace ipref::resolver::forward

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/upstreams.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <numeric>

#include "common/dns/random.h"

namespace ipref::resolver::forward {

namespace {

constexpr uint16_t kPort = 53;
constexpr std::string_view kBlanks = " \t\r";

std::vector<uint8_t> make_probe(const UpstreamsOptions& options) {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({options.domain, dns::rr::kNs, dns::klass::kIn});
    const auto message = writer.finish(0, options.recursion_desired ? dns::flag::kRd : 0);
    return {message.begin(), message.end()};
}

std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    const auto word = line.substr(0, line.find_first_of(kBlanks));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace

struct Upstreams::Server {
    Server(run::Loop& loop, const net::Endpoint& at, const UpstreamsOptions& options,
           std::function<void(Server&)> on_time)
        : upstream(loop, at, {.expire = options.expire}),
          again(loop, [this, on_time = std::move(on_time)] { on_time(*this); }) {}

    dns::Upstream upstream;
    uint32_t fails = 0;
    bool probing = false;
    run::Timer again;
};

Upstreams::Upstreams(run::Loop& loop, UpstreamsOptions options)
    : loop_(loop), options_(std::move(options)), probe_query_(make_probe(options_)) {
    for (const auto& at : options_.to) {
        servers_.push_back(
            std::make_unique<Server>(loop_, at, options_, [this](Server& s) { probe(s); }));
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
    return order;
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
                            if (server.fails < UINT32_MAX) server.fails++;
                            server.again.start(options_.health_check);
                        });
}

std::vector<net::Endpoint> parse_resolv_conf(std::string_view text) {
    std::vector<net::Endpoint> servers;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (take_word(line) != "nameserver") continue;
        const auto ip = net::Ip::parse(take_word(line));
        if (ip) servers.push_back({*ip, kPort});
    }
    return servers;
}

Result<std::vector<net::Endpoint>> parse_to(std::string_view word, const std::string& path) {
    constexpr std::string_view kPlain = "dns://";
    auto address = word;
    if (word.starts_with(kPlain)) {
        address.remove_prefix(kPlain.size());
    } else if (word.find("://") != std::string_view::npos) {
        const auto scheme = word.substr(0, word.find("://"));
        return fail("\"{}\": forwarding over {} is not built in yet; use an address, or dns://",
                    word, scheme);
    }
    if (const auto ip = net::Ip::parse(address)) return std::vector{net::Endpoint{*ip, kPort}};
    if (const auto at = net::Endpoint::parse(address, kPort); at && at->port != 0) {
        return std::vector{*at};
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream || address.size() != word.size()) {
        return fail("not an IP address or file: \"{}\"", word);
    }
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    auto servers = parse_resolv_conf(text);
    if (servers.empty()) return fail("no nameserver line with an address in file \"{}\"", path);
    return servers;
}

}  // namespace ipref::resolver::forward

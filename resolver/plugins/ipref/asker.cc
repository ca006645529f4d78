// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/asker.h"

#include <algorithm>

#include "common/dns/query.h"
#include "common/run/log.h"

namespace ipref::resolver::aa {

namespace {

constexpr uint16_t kPort = 53;
constexpr run::Milliseconds kFindAgain(60'000);
constexpr run::Milliseconds kFindFailed(5'000);

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const auto from = text.find_first_not_of(kBlanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

}  // namespace

Result<Target> Target::parse(std::string_view text) {
    text = trim(text);
    if (const auto ip = net::Ip::parse(text)) return Target{net::Endpoint{*ip, kPort}, kPort};
    if (const auto endpoint = net::Endpoint::parse(text, kPort)) {
        if (endpoint->port == 0) return fail("\"{}\": port 0", text);
        return Target{*endpoint, endpoint->port};
    }
    const auto bad = [&] {
        return fail("\"{}\" is neither an address nor a host name, with or without a port", text);
    };
    const auto colon = text.rfind(':');
    Target target;
    if (colon != std::string_view::npos) {
        const auto port = net::parse_port(text.substr(colon + 1));
        if (!port || *port == 0) return bad();
        target.port = *port;
    }
    const auto host = text.substr(0, colon);
    const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
    const bool odd = host.find_first_of(" \t/[]:\"\\") != std::string_view::npos;
    const auto name = dns::Name::parse(host);
    if (numeric || odd || !name) return bad();
    target.host = *name;
    return target;
}

std::string Target::str() const {
    if (const auto* at = std::get_if<net::Endpoint>(&host)) return at->str();
    return fmt::format("{}:{}", std::get<dns::Name>(host).str(), port);
}

/// An upstream: its address may have to be found first, and be found again later.
struct Asker::Server {
    Target target;
    std::shared_ptr<dns::Upstream> upstream;  // null: not known yet
    std::string problem = "its address is being looked up";
    std::unique_ptr<run::Timer> again;
};

struct Asker::Flight {
    Flight(run::Loop& loop, const dns::Name& for_name, uint16_t for_type)
        : name(for_name), type(for_type), kick(loop, [this] { go(); }) {}

    dns::Name name;
    uint16_t type;
    std::vector<Callback> callbacks;
    run::Timer kick;  // starts it in the loop's next turn
    std::function<void()> go;
    run::Milliseconds deadline{0};
    size_t at = 0;  // index of the upstream that is asked
    unsigned round = 0;
    bool edns = true;
    std::vector<bool> hopeless;  // upstreams that need not be asked in the second round
    std::string error;           // of the last one
    bool asked = false;          // a failure is an upstream's, not ours
    std::shared_ptr<dns::Upstream> upstream;
    uint64_t number = 0;  // of the query in flight there, 0: none
};

Asker::Asker(run::Loop& loop, AskerOptions options)
    : loop_(loop), options_(std::move(options)), negative_(options_.negative) {
    for (const auto& target : options_.upstreams) {
        auto& server = *servers_.emplace_back(std::make_unique<Server>());
        server.target = target;
        if (const auto* at = std::get_if<net::Endpoint>(&target.host)) {
            server.upstream = std::make_shared<dns::Upstream>(loop_, *at);
            continue;
        }
        server.again = std::make_unique<run::Timer>(
            loop_, [this, &server] { find_host(server, dns::rr::kA); });
        server.again->start(run::Milliseconds(0));
    }
}

Asker::~Asker() {
    for (const auto& [key, flight] : flights_) {
        if (flight->number != 0) flight->upstream->cancel(flight->number);
    }
}

/// The first address of the host, IPv4 first.
void Asker::find_host(Server& server, uint16_t type) {
    if (!system_) {
        auto made = dns::Resolver::make(loop_, {});
        if (!made) {
            server.problem = made.error().text;
            server.again->start(kFindFailed);
            return;
        }
        system_ = std::move(*made);
    }
    const auto& name = std::get<dns::Name>(server.target.host);
    system_->query(name, type, [this, &server, type](const Result<dns::Answer>& answer) {
        const auto ips = answer ? answer->ips() : std::vector<net::Ip>{};
        if (ips.empty() && type == dns::rr::kA) return find_host(server, dns::rr::kAaaa);
        if (ips.empty()) {
            server.problem = answer ? "the host has no address" : answer.error().text;
            server.again->start(kFindFailed);
            return;
        }
        const net::Endpoint at{ips.front(), server.target.port};
        if (!server.upstream || server.upstream->server() != at) {
            server.upstream = std::make_shared<dns::Upstream>(loop_, at);
        }
        server.again->start(kFindAgain);
    });
}

void Asker::ask(const dns::Name& name, uint16_t type, Callback callback) {
    auto& flight = flights_[{name, type}];
    if (flight) {
        flight->callbacks.push_back(std::move(callback));
        return;
    }
    flight = std::make_unique<Flight>(loop_, name, type);
    flight->callbacks.push_back(std::move(callback));
    flight->deadline = loop_.now() + options_.deadline;
    flight->hopeless.assign(servers_.size(), false);
    if (auto known = negative_.find(name, type, loop_.now())) {
        flight->go = [this, one = flight.get(), outcome = std::move(*known)] {
            finish(*one, Outcome(outcome));  // a copy: the flight ends before its callbacks do
        };
    } else {
        flight->go = [this, one = flight.get()] { next_server(*one); };
    }
    flight->kick.start(run::Milliseconds(0));
}

/// Asks the upstream at `at`, or the first behind it that is worth it.
void Asker::next_server(Flight& flight) {
    for (;; flight.at++) {
        if (flight.at == servers_.size()) {
            const bool hope = std::find(flight.hopeless.begin(), flight.hopeless.end(), false) !=
                              flight.hopeless.end();
            if (flight.round > 0 || !hope) return conclude(flight, fail("{}", flight.error));
            flight.round++;
            flight.at = 0;
        }
        if (flight.hopeless[flight.at]) continue;
        const auto& server = *servers_[flight.at];
        if (server.upstream) break;
        flight.hopeless[flight.at] = true;
        flight.error = fmt::format("upstream {}: {}", server.target.str(), server.problem);
    }
    flight.upstream = servers_[flight.at]->upstream;
    flight.edns = true;
    send(flight, dns::Via::udp);
}

void Asker::send(Flight& flight, dns::Via via) {
    const auto left = flight.deadline - loop_.now();
    if (left.count() <= 0) return conclude(flight, fail("{}", flight.error));
    const auto patience = flight.round == 0 ? options_.first_try : options_.second_try;
    const uint16_t flags = dns::flag::kRd | (options_.dnssec ? dns::flag::kAd : 0);
    const auto query = dns::make_query({flight.name, flight.type, dns::klass::kIn},
                                       {.flags = flags, .edns = flight.edns});
    flight.number =
        flight.upstream->ask(query, via, std::min(patience, left),
                             [this, &flight, via](const dns::Upstream::Outcome& outcome) {
                                 flight.number = 0;
                                 answered(flight, via, outcome);
                             });
}

void Asker::answered(Flight& flight, dns::Via via, const dns::Upstream::Outcome& outcome) {
    if (!outcome) {
        const bool silent = outcome.error().trouble == dns::Trouble::timed_out;
        flight.asked = flight.asked || outcome.error().trouble != dns::Trouble::too_many;
        return failed(flight, outcome.error().text, silent);
    }
    flight.asked = true;
    const auto header = dns::Header::read(*outcome);
    if (header->has(dns::flag::kTc) && via == dns::Via::udp) return send(flight, dns::Via::tcp);
    if (header->rcode() == dns::rcode::kFormErr && flight.edns) {
        flight.edns = false;
        return send(flight, via);
    }
    const auto answer = dns::parse_answer(*outcome, flight.name, flight.type);
    if (!answer) {
        return failed(flight,
                      fmt::format("{}: {}", flight.upstream->server().str(), answer.error().text),
                      false);
    }
    conclude(flight, answer);
}

void Asker::failed(Flight& flight, std::string why, bool try_again) {
    flight.error = "upstream " + std::move(why);
    flight.hopeless[flight.at] = !try_again;
    flight.at++;
    next_server(flight);
}

void Asker::conclude(Flight& flight, const Outcome& outcome) {
    if (flight.asked) negative_.keep(flight.name, flight.type, outcome, loop_.now());
    finish(flight, outcome);
}

void Asker::finish(Flight& flight, const Outcome& outcome) {
    const auto at = flights_.find({flight.name, flight.type});
    const auto owner = std::move(at->second);
    flights_.erase(at);
    for (const auto& callback : owner->callbacks) callback(outcome);
}

}  // namespace ipref::resolver::aa

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/exchange.h"

#include <algorithm>

#include "common/dns/random.h"

namespace ipref::resolver::forward {

namespace {

/// When all upstreams refused at once there is nothing to wait for in the list itself: a breath
/// for a server that is being restarted, a few times.
constexpr run::Milliseconds kPause(150);
constexpr unsigned kPauses = 3;

/// Bytes over UDP that the query offers to take.
size_t offered(dns::Bytes query) {
    dns::MessageReader reader(query);
    while (const auto record = reader.record()) {
        if (record->type == dns::rr::kOpt) return dns::Edns::from(*record).udp_size;
    }
    return dns::kPlainUdpSize;
}

}  // namespace

struct Exchanges::Exchange {
    Exchange(run::Loop& loop, uint64_t with_number, std::function<void(Exchange&)> on_time)
        : number(with_number),
          timer(loop, [this, on_time = std::move(on_time)] { on_time(*this); }) {}

    const uint64_t number;
    run::Timer timer;  // begins, and ends a pause
    std::vector<uint8_t> query;
    bool by_stream = false;
    size_t limit = 0;
    Callback callback;
    run::Milliseconds deadline{0};
    std::vector<size_t> order;
    size_t at = 0;        // in order, of the one that is tried next
    size_t server = 0;    // that is being asked
    size_t down = 0;      // found down in this pass
    bool silent = false;  // some upstream took its time in this pass
    unsigned pauses = 0;
    bool last = false;  // nothing more is tried after this one
    std::string error;
};

Exchanges::Exchanges(run::Loop& loop, ExchangesOptions options)
    : loop_(loop), options_(std::move(options)), upstreams_(loop, options_.upstreams) {}

Exchanges::~Exchanges() = default;  // the upstreams go too, and with them what they were asked

void Exchanges::ask(std::vector<uint8_t> query, bool by_stream, size_t limit, Callback callback) {
    const uint64_t number = next_++;
    auto made =
        std::make_unique<Exchange>(loop_, number, [this](Exchange& exchange) { next(exchange); });
    Exchange& exchange = *made;
    exchanges_.emplace(number, std::move(made));
    exchange.query = std::move(query);
    exchange.by_stream = by_stream;
    exchange.limit = limit;
    exchange.callback = std::move(callback);
    exchange.deadline = loop_.now() + options_.deadline;
    exchange.order = upstreams_.order();
    if (choose(exchange)) return send(exchange, first_via(exchange));
    exchange.last = true;  // told in the loop's next turn
    exchange.timer.start(run::Milliseconds(0));
}

dns::Via Exchanges::first_via(const Exchange& exchange) const {
    if (options_.force_tcp) return dns::Via::tcp;
    if (options_.prefer_udp) return dns::Via::udp;
    return exchange.by_stream ? dns::Via::tcp : dns::Via::udp;
}

void Exchanges::next(Exchange& exchange) {
    const bool over = exchange.last || loop_.now() >= exchange.deadline;
    if (over || !choose(exchange)) return finish(exchange);
    send(exchange, first_via(exchange));
}

/// The next upstream that is not down; if all are, any of them, for the probes may be wrong.
bool Exchanges::choose(Exchange& exchange) {
    for (;;) {
        if (exchange.at == exchange.order.size()) {
            exchange.at = 0;
            exchange.down = 0;
        }
        exchange.server = exchange.order[exchange.at++];
        if (!upstreams_.is_down(exchange.server)) return true;
        if (++exchange.down < exchange.order.size()) continue;
        if (options_.failfast) {
            if (exchange.error.empty()) exchange.error = "no healthy proxies";
            return false;
        }
        exchange.server = dns::random_below(static_cast<uint32_t>(upstreams_.size()));
        exchange.last = true;
        return true;
    }
}

void Exchanges::send(Exchange& exchange, dns::Via via) {
    const auto left = exchange.deadline - loop_.now();
    const auto patience = std::clamp(left, run::Milliseconds(1), options_.read_timeout);
    upstreams_.at(exchange.server)
        .ask(exchange.query, via, patience,
             [this, &exchange, via](const dns::Upstream::Outcome& outcome) {
                 answered(exchange, via, outcome);
             });
}

void Exchanges::answered(Exchange& exchange, dns::Via via, const dns::Upstream::Outcome& outcome) {
    if (!outcome) {
        upstreams_.suspect(exchange.server);
        return failed(exchange, outcome.error().text,
                      outcome.error().trouble == dns::Trouble::timed_out);
    }
    const bool cut = dns::Header::read(*outcome)->has(dns::flag::kTc);
    if (cut && via == dns::Via::udp) {
        // A client that takes no more than was offered will come over TCP by itself.
        const bool wanted = options_.prefer_udp || exchange.limit > offered(exchange.query);
        if (wanted) return send(exchange, dns::Via::tcp);
    }
    const auto at = exchanges_.find(exchange.number);
    const auto callback = std::move(exchange.callback);
    auto owner = std::move(at->second);
    exchanges_.erase(at);
    if (callback(Outcome(*outcome))) return;
    owner->callback = callback;
    exchanges_.emplace(owner->number, std::move(owner));
    failed(exchange,
           fmt::format("{}: malformed answer", upstreams_.at(exchange.server).server().str()),
           false);
}

void Exchanges::failed(Exchange& exchange, std::string why, bool silent) {
    exchange.error = std::move(why);
    exchange.silent = exchange.silent || silent;
    if (exchange.at == exchange.order.size() && pause(exchange)) return;
    next(exchange);
}

/// At the end of a pass over the list in which nobody took any time.
bool Exchanges::pause(Exchange& exchange) {
    if (std::exchange(exchange.silent, false) || exchange.last) return false;
    if (exchange.pauses++ == kPauses) {
        exchange.last = true;
        return false;
    }
    exchange.timer.start(kPause);
    return true;
}

void Exchanges::finish(Exchange& exchange) {
    const auto at = exchanges_.find(exchange.number);
    const auto owner = std::move(at->second);
    exchanges_.erase(at);
    owner->callback(fail("{}", owner->error));
}

}  // namespace ipref::resolver::forward

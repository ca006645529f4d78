// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/exchange.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "common/dns/random.h"

namespace ipref::resolver::forward {

namespace {

/// When all upstreams refused at once there is nothing to wait for in the list itself: a breath
/// for a server that is being restarted, a few times.
constexpr run::Milliseconds kPause(150);
constexpr unsigned kPauses = 3;
/// Forms of one question (EDNS options, flags, sizes) that are asked over UDP at a time.
constexpr unsigned kFormsOverUdp = 4;

/// Bytes over UDP that the query offers to take.
size_t offered(dns::Bytes query) {
    dns::MessageReader reader(query);
    while (const auto record = reader.record()) {
        if (record->type == dns::rr::kOpt) return dns::Edns::from(*record).udp_size;
    }
    return dns::kPlainUdpSize;
}

/// What two queries must have in common to share an answer: everything but the case of the name.
std::string key_of(dns::Bytes query, bool by_stream, bool wants_more) {
    std::string key(query.begin(), query.end());
    size_t at = dns::kHeaderSize;
    while (key[at] != 0) {
        const auto length = static_cast<uint8_t>(key[at]);
        for (size_t i = at + 1; i <= at + length; i++) {
            key[i] = static_cast<char>(dns::lower_byte(static_cast<uint8_t>(key[i])));
        }
        at += length + 1U;
    }
    key.push_back(by_stream ? 't' : 'u');
    key.push_back(wants_more ? 'm' : 'l');
    return key;
}

/// The question's place among those in flight. That two share one by chance does no harm.
size_t question_hash(std::string_view key) {
    size_t end = dns::kHeaderSize;
    while (key[end] != 0) end += static_cast<uint8_t>(key[end]) + 1U;
    constexpr size_t kTypeAndClass = 4;
    return std::hash<std::string_view>()(
        key.substr(dns::kHeaderSize, end + 1 + kTypeAndClass - dns::kHeaderSize));
}

using Clock = std::chrono::steady_clock;

}  // namespace

/// Counts an exchange among those of its question.
class Exchanges::Form {
  public:
    Form(Forms& all, size_t question) : all_(all), question_(question), before_(all[question]++) {}
    ~Form() {
        const auto at = all_.find(question_);
        if (--at->second == 0) all_.erase(at);
    }
    Form(const Form&) = delete;
    Form& operator=(const Form&) = delete;
    /// How many were in flight when this one came.
    unsigned before() const { return before_; }

  private:
    Forms& all_;
    size_t question_;
    unsigned before_;
};

/// One upstream that is being asked for an exchange.
struct Exchanges::Attempt {
    size_t server = 0;
    uint64_t number = 0;  // of the upstream's
    dns::Via via = dns::Via::udp;
    Clock::time_point sent;
};

struct Exchanges::Exchange {
    Exchange(run::Loop& loop, Forms& forms, size_t question, std::function<void(Exchange&)> on_time)
        : form(std::in_place, forms, question),
          is_one_of_many(form->before() >= kFormsOverUdp),
          timer(loop, [this, on_time = std::move(on_time)] { on_time(*this); }) {}

    std::optional<Form> form;  // until it is taken out
    const bool is_one_of_many;
    std::string key;
    run::Timer timer;  // begins, ends a pause, hedges
    std::vector<uint8_t> query;
    bool by_stream = false;
    size_t limit = 0;
    std::vector<Callback> callbacks;  // of everyone who asked the same
    run::Milliseconds deadline{0};
    std::vector<size_t> order;
    size_t at = 0;        // in order, of the one that is tried next
    size_t server = 0;    // that was chosen last
    size_t down = 0;      // found down in this pass
    bool silent = false;  // some upstream took its time in this pass
    unsigned pauses = 0;
    bool last = false;              // nothing more is tried after this one
    std::vector<Attempt> attempts;  // one, or two with a hedge
    std::string error;
};

Exchanges::Exchanges(run::Loop& loop, ExchangesOptions options)
    : loop_(loop),
      options_(std::move(options)),
      upstreams_(loop, options_.upstreams),
      self_(std::make_shared<Exchanges*>(this)) {}

Exchanges::~Exchanges() {
    *self_ = nullptr;
}  // the upstreams go too, and with them what they were asked

void Exchanges::ask(std::vector<uint8_t> query, bool by_stream, size_t limit, Callback callback) {
    auto key = key_of(query, by_stream, limit > offered(query));
    if (const auto at = exchanges_.find(key); at != exchanges_.end()) {
        at->second->callbacks.push_back(std::move(callback));
        return;
    }
    auto made = std::make_unique<Exchange>(loop_, forms_, question_hash(key),
                                           [this](Exchange& one) { on_time(one); });
    Exchange& exchange = *made;
    exchange.key = key;
    exchanges_.emplace(std::move(key), std::move(made));
    exchange.query = std::move(query);
    exchange.by_stream = by_stream;
    exchange.limit = limit;
    exchange.callbacks.push_back(std::move(callback));
    exchange.deadline = loop_.now() + options_.deadline;
    exchange.order = upstreams_.order();
    if (choose(exchange)) return send(exchange, first_via(exchange));
    exchange.last = true;  // told in the loop's next turn
    exchange.timer.start(run::Milliseconds(0));
}

dns::Via Exchanges::first_via(const Exchange& exchange) const {
    if (options_.force_tcp || exchange.is_one_of_many) return dns::Via::tcp;
    if (options_.prefer_udp) return dns::Via::udp;
    return exchange.by_stream ? dns::Via::tcp : dns::Via::udp;
}

void Exchanges::on_time(Exchange& exchange) {
    if (exchange.attempts.empty()) return next(exchange);
    hedge(exchange);
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
        if (options_.broken != nullptr) options_.broken->add();
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
    Attempt attempt{exchange.server, 0, via, Clock::now()};
    const auto index = exchange.server;
    attempt.number = upstreams_.at(index).ask(
        exchange.query, via, patience,
        [this, &exchange, index](const dns::Upstream::Outcome& outcome) {
            auto& attempts = exchange.attempts;
            const auto at = std::find_if(attempts.begin(), attempts.end(),
                                         [&](const auto& one) { return one.server == index; });
            const Attempt done = *at;
            attempts.erase(at);
            answered(exchange, done, outcome);
        });
    exchange.attempts.push_back(attempt);
    const auto hedge = upstreams_.hedge_after(index);
    if (hedge && exchange.attempts.size() == 1) exchange.timer.start(*hedge);
}

/// The first one takes longer than it usually does: a second one is asked as well.
void Exchanges::hedge(Exchange& exchange) {
    if (exchange.attempts.size() != 1 || exchange.last) return;
    const size_t asked = exchange.attempts.front().server;
    for (const size_t server : exchange.order) {
        if (server == asked || upstreams_.is_down(server)) continue;
        exchange.server = server;
        return send(exchange, first_via(exchange));
    }
}

void Exchanges::answered(Exchange& exchange, const Attempt& attempt,
                         const dns::Upstream::Outcome& outcome) {
    const auto took = Clock::now() - attempt.sent;
    if (!outcome) {
        upstreams_.suspect(attempt.server);
        upstreams_.silent(attempt.server, took);
        return failed(exchange, outcome.error().text,
                      outcome.error().trouble == dns::Trouble::timed_out);
    }
    const auto header = *dns::Header::read(*outcome);
    upstreams_.answered(attempt.server, header.rcode(), took);
    if (header.has(dns::flag::kTc) && attempt.via == dns::Via::udp) {
        // A client that takes no more than was offered will come over TCP by itself.
        const bool wanted = options_.prefer_udp || exchange.limit > offered(exchange.query);
        if (wanted) {
            exchange.server = attempt.server;
            return send(exchange, dns::Via::tcp);
        }
    }
    auto owner = take_out(exchange);
    const auto self = self_;
    answered_by_ = attempt.server;
    if (!owner->callbacks.front()(Outcome(*outcome))) {
        Exchange& back = *owner;
        exchanges_.emplace(back.key, std::move(owner));
        return failed(
            back, fmt::format("{}: malformed answer", upstreams_.at(attempt.server).server().str()),
            false);
    }
    for (size_t i = 1; i < owner->callbacks.size() && *self != nullptr; i++) {
        owner->callbacks[i](Outcome(*outcome));
    }
}

/// The exchange is over, or seems to be: nobody else joins it, and no other answer is waited for.
Exchanges::Owned Exchanges::take_out(Exchange& exchange) {
    exchange.timer.stop();
    for (const auto& attempt : std::exchange(exchange.attempts, {})) {
        upstreams_.at(attempt.server).cancel(attempt.number);
        upstreams_.silent(attempt.server, Clock::now() - attempt.sent);
    }
    const auto at = exchanges_.find(exchange.key);
    auto owner = std::move(at->second);
    exchanges_.erase(at);
    owner->form.reset();  // its owner may live longer than all of this
    return owner;
}

void Exchanges::failed(Exchange& exchange, std::string why, bool silent) {
    exchange.error = std::move(why);
    exchange.silent = exchange.silent || silent;
    if (!exchange.attempts.empty()) return;  // the other one may still answer
    exchange.timer.stop();
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
    const auto owner = take_out(exchange);
    const auto self = self_;
    for (const auto& callback : owner->callbacks) {
        if (*self == nullptr) return;
        callback(fail("{}", owner->error));
    }
}

}  // namespace ipref::resolver::forward

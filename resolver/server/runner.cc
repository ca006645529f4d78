// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/runner.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <set>
#include <utility>

#include "common/run/log.h"
#include "resolver/server/encode.h"
#include "resolver/server/request.h"

namespace ipref::resolver {

/// From the back: a query that a handler ends goes up through those in front of it, which must
/// still be there.
void Active::stop() {
    std::vector<Handler*> all;
    for (const auto& block : config->blocks) {
        for (const auto& handler : block->chain.handlers()) all.push_back(handler.get());
    }
    while (started > 0) all[--started]->stop(worker);
}

bool Active::runs(const Block& block, size_t at) const {
    size_t before = 0;
    for (const auto& each : config->blocks) {
        if (each.get() == &block) break;
        before += each->chain.size();
    }
    return before + at < started;
}

Result<void> Active::start() {
    for (const auto& block : config->blocks) {
        for (const auto& handler : block->chain.handlers()) {
            if (auto done = handler->start(worker); !done) return done;
            started++;
        }
    }
    return {};
}

/// A look-up through the server itself: a query of its own whose answer goes to a function.
struct Runner::Lookup final : Sink {
    Runner& runner;
    Query* parent;
    uint64_t parent_serial;
    std::shared_ptr<Active> active;
    const Routes* routes;
    Name name;
    uint16_t type = 0;
    std::function<void(const LookupResult&)> then;

    Lookup(Runner& the_runner, Query& the_parent)
        : runner(the_runner),
          parent(&the_parent),
          parent_serial(the_parent.serial_),
          active(the_parent.active_),
          routes(the_parent.routes_) {}

    /// At the end of the process the handler that wants to know may have been stopped already; it
    /// is the one where the parent stands, or in front of that.
    bool is_awaited() const {
        if (parent->serial_ != parent_serial) return false;
        return !runner.ending_ || parent->active_->runs(*parent->block_, parent->at_);
    }
    void deliver(Query& q) override {
        if (!is_awaited()) return;
        const bool answered = q.outcome() == Query::Outcome::answered;
        q.unpack();
        then({.answered = answered, .reply = &q.reply});
    }
};

Runner::Runner(run::Loop& loop, unsigned index)
    : loop_(loop), index_(index), kick_(loop, [this] { run_deferred(); }) {}

Runner::~Runner() = default;

Result<std::shared_ptr<Active>> Runner::start(std::shared_ptr<Config> config) {
    auto fresh = std::make_shared<Active>(std::move(config), *this);
    if (auto started = fresh->start(); !started) return tl::unexpected(started.error());
    return fresh;
}

Result<void> Runner::use(std::shared_ptr<Config> config) {
    auto fresh = start(std::move(config));
    if (!fresh) return tl::unexpected(fresh.error());
    swap(std::move(*fresh));
    return {};
}

void Runner::shut_down() {
    ending_ = true;
    deferred_.clear();
    std::set<std::shared_ptr<Active>> all;  // queries may have kept older ones
    if (active_) all.insert(std::exchange(active_, nullptr));
    for (const auto& q : queries_) {
        if (q.serial_ != 0) all.insert(q.active_);
    }
    for (const auto& active : all) active->stop();
    // What nobody held: queries that waited for another one, or for their client.
    for (auto& q : queries_) {
        if (q.serial_ != 0) q.fail(dns::rcode::kServFail);
    }
}

Query& Runner::acquire() {
    if (free_.empty()) {
        free_.push_back(&queries_.emplace_back());
        free_.back()->runner_ = this;
    }
    Query& q = *free_.back();
    free_.pop_back();
    in_flight_++;
    q.serial_ = ++serial_;
    q.active_ = active_;
    return q;
}

/// A handler holds it. Look-ups of the server itself and what nobody waits for do not count.
void Runner::waits(const Query& q) {
    if (q.depth_ == 0 && q.sink_ != &nobody_) waiting_.enter(q, q.request.client.ip);
}

bool Runner::has_too_many(const Query& q) const {
    return in_flight_ > kMostOfOneClient && q.depth_ == 0 && waiting_.full(q.request.client.ip);
}

void Runner::release(Query& q) {
    waiting_.leave(q);
    q.serial_ = 0;
    q.reply.clear();
    q.slots_.clear();
    q.arena_.reset();
    q.pins_.clear();
    q.asked_ = {};
    q.request.wire = {};
    q.request.edns = {};
    q.error_.clear();
    q.signer_.reset();
    q.keeps_metadata_ = false;
    q.metadata_.clear();
    q.outcome_ = Query::Outcome::answered;
    q.block_ = nullptr;
    q.zone_ = nullptr;
    q.routes_ = nullptr;
    q.at_ = 0;
    q.watchers_ = 0;
    q.depth_ = 0;
    in_flight_--;
    free_.push_back(&q);
    q.active_.reset();  // last: may stop the handlers
}

void Runner::take(Bytes message, Sink& sink, const Routes* routes, const Whence& whence) {
    Query& q = acquire();
    q.sink_ = &sink;
    q.arrived_ = clock_();
    q.request.client = whence.client;
    q.request.local = whence.local;
    q.request.interface = whence.interface;
    q.request.proto = whence.proto;
    const auto parsed = parse_request(q.arena_.copy(message), q.request);
    q.limit_ = reply_limit(q.request);
    switch (parsed.verdict) {
        case ParsedRequest::Verdict::silence:
            q.outcome_ = Query::Outcome::dropped;
            sink.deliver(q);
            return release(q);
        case ParsedRequest::Verdict::header:
            q.request.wire = message;
            q.reply.rcode = parsed.rcode;
            q.header_only_ = true;
            sink.deliver(q);
            q.header_only_ = false;
            return release(q);
        case ParsedRequest::Verdict::refuse:
            return refuse(q, parsed.rcode);
        case ParsedRequest::Verdict::ask:
            break;
    }
    ask(q, routes);
}

void Runner::ask(Query& q, const Routes* routes) {
    q.routes_ = routes;
    const auto* zone =
        routes == nullptr ? nullptr : routes->choose(q.request.lower, q.request.type, &q.request);
    q.block_ = zone == nullptr ? nullptr : zone->block;
    q.zone_ = zone == nullptr ? nullptr : &zone->name;
    const bool in_class = q.request.klass == dns::klass::kIn;
    if (!in_class && (q.block_ == nullptr || !q.block_->other_classes)) {
        return refuse(q, dns::rcode::kRefused);
    }
    if (q.request.edns.present && q.request.edns.version != 0) {
        return refuse(q, dns::rcode::kBadVers);
    }
    if (q.block_ == nullptr || !q.block_->has_plugins) return refuse(q, dns::rcode::kRefused);
    if (q.request.opcode == dns::opcode::kNotify && !q.block_->notify) {
        return refuse(q, dns::rcode::kNotImp);
    }
    if (in_flight_ > kMostInFlight || has_too_many(q)) return refuse(q, dns::rcode::kServFail);
    q.at_ = 0;
    down(q);
}

void Runner::refuse(Query& q, uint16_t rcode) {
    q.failed(rcode);
    if (q.routes_ != nullptr && q.routes_->refusals != nullptr && q.depth_ == 0) {
        q.routes_->refusals->refused(q);
    }
    q.sink_->deliver(q);
    release(q);
}

/// A query that does it may come again and again.
static void tell_panic(const Handler& handler, const std::exception& error) {
    thread_local run::LogLimit limit;
    uint64_t left_out = 0;
    if (!limit.allow(std::chrono::steady_clock::now(), left_out)) return;
    if (left_out > 0) run::log_error("{} more panics before", left_out);
    run::log_error("Recovered from panic in server: plugin/{}: {}", handler.name(), error.what());
}

/// Runs a handler; what it throws becomes SERVFAIL, or the end of the process with plugin debug.
template <typename Call>
static Step guarded(Query& q, const Handler& handler, bool debug, Call call) {
    try {
        return call();
    } catch (const std::exception& error) {
        tell_panic(handler, error);
        panics_counter(q.metrics()).add();
        if (debug) std::abort();
        return q.failed(dns::rcode::kServFail);
    }
}

void Runner::down(Query& q) {
    const auto& handlers = q.block_->chain.handlers();
    const bool debug = q.block_->settings.debug;
    const bool notify = q.request.opcode == dns::opcode::kNotify;
    if (ending_) {
        q.failed(dns::rcode::kServFail);
        return up(q);
    }
    for (; q.at_ < handlers.size(); q.at_++) {
        Handler& handler = *handlers[q.at_];
        const auto interest = handler.interest();
        const bool in_class = q.request.klass == dns::klass::kIn;  // plugin rewrite may change it
        const bool wanted = (in_class || interest.other_classes) && (!notify || interest.notify);
        if (!wanted && !interest.all) continue;
        switch (guarded(q, handler, debug, [&] { return handler.handle(q); })) {
            case Step::next:
                continue;
            case Step::watch:
                q.watchers_ |= 1ULL << q.at_;
                continue;
            case Step::later:
                return waits(q);
            case Step::done:
                if (q.reply.plugin.empty()) q.reply.plugin = handler.name();
                return up(q);
        }
    }
    no_plugin_answered(q);
}

void Runner::no_plugin_answered(Query& q) {
    const auto& handlers = q.block_->chain.handlers();
    const bool in_class = q.request.klass == dns::klass::kIn;
    const auto last = handlers.empty() ? std::string_view("server") : handlers.back()->name();
    q.failed(in_class ? dns::rcode::kServFail : dns::rcode::kRefused,
             fmt::format("plugin/{}: no next plugin found", last));
    up(q);
}

void Runner::up(Query& q) {
    const auto& handlers = q.block_->chain.handlers();
    const bool debug = q.block_->settings.debug;
    while (q.watchers_ != 0) {
        const auto highest = static_cast<size_t>(63 - __builtin_clzll(q.watchers_));
        q.watchers_ &= ~(1ULL << highest);
        if (ending_ && !q.active_->runs(*q.block_, highest)) continue;
        Handler& handler = *handlers[highest];
        if (q.reply.is_packed() && !handler.interest().all) q.unpack();
        if (guarded(q, handler, debug, [&] { return handler.answered(q); }) == Step::later) return;
    }
    if (q.reply.is_packed() && !packed_fits(q.request, q.reply, q.limit_)) q.unpack();
    q.sink_->deliver(q);
    release(q);
}

void Runner::end(Query& q) {
    assert(q.serial_ != 0);
    up(q);
}

void Runner::pass(Query& q, bool watch) {
    assert(q.serial_ != 0);
    if (watch) q.watchers_ |= 1ULL << q.at_;
    q.at_++;
    down(q);
}

void Runner::lookup(Query& q, const Name& name, uint16_t type,
                    std::function<void(const LookupResult&)> then) {
    auto lookup = std::make_unique<Lookup>(*this, q);
    lookup->then = std::move(then);
    lookup->name = name;
    lookup->type = type;
    // A function must be copyable, so the look-up waits in the query's arena.
    auto& waiting = q.arena_.make<std::unique_ptr<Lookup>>(std::move(lookup));
    defer(q, [this, &waiting] { begin_lookup(std::move(waiting)); });
}

void Runner::defer(Query& q, std::function<void()> what) {
    deferred_.push_back({&q, q.serial_, std::move(what)});
    kick_.start(run::Milliseconds(0));
}

Query& Runner::ask_again(Query& q) {
    Query& fresh = acquire();
    fresh.active_ = q.active_;
    fresh.arrived_ = clock_();
    fresh.depth_ = q.depth_;
    fresh.limit_ = dns::kMaxMessage;
    fresh.request = q.request;
    fresh.request.wire = {};
    fresh.request.edns.options = {};
    fresh.sink_ = &nobody_;
    fresh.block_ = q.block_;
    fresh.zone_ = q.zone_;
    fresh.routes_ = q.routes_;
    fresh.at_ = q.at_ + 1;
    fresh.watchers_ = 1ULL << q.at_;
    defer(fresh, [this, &fresh] { down(fresh); });
    return fresh;
}

void Runner::give_up(Query& q, uint16_t rcode) {
    assert(q.serial_ != 0);
    Query& early = acquire();
    early.active_ = q.active_;
    early.arrived_ = q.arrived_;
    early.limit_ = q.limit_;
    early.request = q.request;
    early.signer_ = std::move(q.signer_);
    early.sink_ = std::exchange(q.sink_, &nobody_);
    early.add_extended_error(dns::ede::kNoReachableAuthority, "no answer in time");
    early.failed(rcode);
    early.sink_->deliver(early);
    release(early);
}

void Runner::run_deferred() {
    const auto now = std::exchange(deferred_, {});
    for (const auto& deferred : now) {
        if (deferred.query->serial_ == deferred.serial) deferred.what();
    }
}

void Runner::begin_lookup(std::unique_ptr<Lookup> lookup) {
    Query& parent = *lookup->parent;
    if (parent.depth_ >= Query::kMaxDepth) return lookup->then({});
    Query& q = acquire();
    q.active_ = lookup->active;
    q.arrived_ = clock_();
    q.depth_ = parent.depth_ + 1;
    q.limit_ = dns::kMaxMessage;
    Request& request = q.request;
    request = parent.request;
    request.wire = {};
    request.proto = Proto::internal;
    request.opcode = dns::opcode::kQuery;
    request.name = lookup->name;
    request.lower = lookup->name.lower();
    request.type = lookup->type;
    request.edns.options = {};
    q.sink_ = lookup.get();
    const Routes* routes = lookup->routes;
    q.arena_.make<std::unique_ptr<Lookup>>(std::move(lookup));
    ask(q, routes);
}

}  // namespace ipref::resolver

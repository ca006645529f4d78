// SPDX-License-Identifier: GPL-2.0-or-later
// Takes queries through the chain of their block, one runner a worker thread. Owns the queries and
// reuses them. Nothing here is thread-safe; see plugin.h for what is shared.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/server/config.h"
#include "resolver/server/query.h"
#include "resolver/server/waiting_clients.h"

namespace ipref::resolver {

/// Where a message came from.
struct Whence {
    net::Endpoint client;
    net::Endpoint local;
    uint32_t interface = 0;
    Proto proto = Proto::udp;
};

/// Where an answer goes: a UDP socket, a connection, a look-up.
class Sink {
  public:
    virtual ~Sink() = default;
    /// The query has ended: q.reply is what to send, nothing if q.outcome() is dropped. The query
    /// is taken back after this call.
    virtual void deliver(Query& q) = 0;
    /// One message of several; see Query::send_part.
    virtual bool part(Query&, const std::function<void()>&) { return false; }
};

/// A configuration as one worker uses it. The last one to let go stops the handlers, on the
/// worker's thread.
struct Active {
    Active(std::shared_ptr<Config> the_config, Worker& the_worker)
        : config(std::move(the_config)), worker(the_worker) {}
    ~Active() { stop(); }
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
    /// Starts the handlers; on an error those already started are stopped.
    Result<void> start();
    /// Before its time, at the end of the process: queries that handlers hold are ended.
    void stop();
    /// Whether the handler at this place of the block's chain has been started and not stopped.
    bool runs(const Block& block, size_t at) const;

    std::shared_ptr<Config> config;
    Worker& worker;
    size_t started = 0;  // handlers, counted over all blocks; those behind do not run
};

class Runner final : public Worker {
  public:
    Runner(run::Loop& loop, unsigned index);
    ~Runner() override;
    run::Loop& loop() override { return loop_; }
    unsigned index() const override { return index_; }
    std::chrono::steady_clock::time_point now() const override { return clock_(); }
    /// For tests: the time that now() and Query::arrived() tell.
    using Clock = std::function<std::chrono::steady_clock::time_point()>;
    void clock(Clock clock) { clock_ = std::move(clock); }

    /// Starts the configuration on this worker, beside the one in use.
    Result<std::shared_ptr<Active>> start(std::shared_ptr<Config> config);
    /// From now on queries meet this one.
    void swap(std::shared_ptr<Active> active) { active_ = std::move(active); }
    /// Both.
    Result<void> use(std::shared_ptr<Config> config);
    /// Lets go of the configuration; queries in flight keep it until they end.
    void let_go() { active_.reset(); }
    /// The end of the process: all queries that have not ended get SERVFAIL, and the handlers of
    /// all configurations are stopped. None that has been stopped is called again; those in front
    /// of it in the chain see the failure. No query is to be taken afterwards.
    void shut_down();
    const std::shared_ptr<Active>& active() const { return active_; }
    /// Queries that have not ended.
    size_t in_flight() const { return in_flight_; }

    /// A message from a client, from the wire to its end. `message` is copied; `routes` are those
    /// of the listener in the active configuration.
    void take(Bytes message, Sink& sink, const Routes* routes, const Whence& whence);

    // -- for Query
    void end(Query& q);
    void pass(Query& q, bool watch);
    void lookup(Query& q, const Name& name, uint16_t type,
                std::function<void(const LookupResult&)> then);
    void defer(Query& q, std::function<void()> what);
    Query& ask_again(Query& q);
    void give_up(Query& q, uint16_t rcode);

    /// Queries at once on one worker; beyond that SERVFAIL at once.
    static constexpr size_t kMostInFlight = 20'000;
    /// Of those, queries of one client (see one_client) that wait for others; then SERVFAIL at
    /// once. This machine's own are not counted.
    static constexpr size_t kMostOfOneClient = 1'000;

  private:
    struct Lookup;
    /// Where the answers of queries go that nobody waits for.
    struct Nobody final : Sink {
        void deliver(Query&) override {}
    };
    /// Something to do for a query once the current call has returned.
    struct Deferred {
        Query* query;
        uint64_t serial;
        std::function<void()> what;
    };

    Query& acquire();
    void release(Query& q);
    void waits(const Query& q);
    bool has_too_many(const Query& q) const;
    void ask(Query& q, const Routes* routes);
    void down(Query& q);
    void up(Query& q);
    void no_plugin_answered(Query& q);
    void refuse(Query& q, uint16_t rcode);
    void begin_lookup(std::unique_ptr<Lookup> lookup);
    void run_deferred();

    run::Loop& loop_;
    unsigned index_;
    Clock clock_ = std::chrono::steady_clock::now;
    std::shared_ptr<Active> active_;
    std::deque<Query> queries_;
    std::vector<Query*> free_;
    size_t in_flight_ = 0;
    WaitingClients waiting_{kMostOfOneClient};  // whose queries handlers hold
    uint64_t serial_ = 0;
    std::vector<Deferred> deferred_;
    run::Timer kick_;
    Nobody nobody_;
    bool ending_ = false;
};

}  // namespace ipref::resolver

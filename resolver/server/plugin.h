// SPDX-License-Identifier: GPL-2.0-or-later
// What a plugin is made of. A server block has one chain of handlers, in the order of the table in
// resolver/plugins/order.cc whatever the Corefile says.
//
// Threads: every worker thread has its own loop, sockets and queries; handlers are shared by all of
// them and are const in spirit after start-up. What a handler needs for each thread (sockets,
// caches, timers) it keeps in a PerWorker, made in start() and dropped in stop(), both of which run
// on that thread. A reload builds a new configuration whole, with new handlers, and swaps it in;
// the old handlers are stopped when their last query has been answered.
//
// A query goes down by handle() and comes back by answered(), to those only that returned
// Step::watch, innermost first. Rules (spec page "ipref-coredns", 2.4, 6): no rcode moves a query
// to the next plugin by itself; at the end of the chain the answer is SERVFAIL, "plugin/X: no next
// plugin found".
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "resolver/corefile/dispenser.h"
#include "resolver/corefile/keys.h"
#include "resolver/corefile/options.h"
#include "resolver/server/process.h"
#include "resolver/server/query.h"

namespace ipref::tls {
class LiveContext;
}

namespace ipref::resolver {

/// What a handler may use of the thread it runs on.
class Worker {
  public:
    virtual ~Worker() = default;
    virtual run::Loop& loop() = 0;
    /// 0 for the first worker, which also runs what is done once a process.
    virtual unsigned index() const = 0;
    /// Monotonic; tests have their own.
    virtual std::chrono::steady_clock::time_point now() const = 0;
};

class ZoneSource;
class Chain;

/// Which queries a handler is shown besides those of opcode QUERY and class IN.
struct Interest {
    /// Every query: it observes, or judges who asks (log, errors, tsig), and makes no answers of
    /// its own. It may see packed replies.
    bool all = false;
    bool refusals = false;       ///< refused() too
    bool other_classes = false;  ///< it answers CH or HS too (chaos, forward)
    bool notify = false;         ///< it takes NOTIFY (secondary)
};

class Handler {
  public:
    virtual ~Handler() = default;
    /// The directive's name, "file". Static storage.
    virtual std::string_view name() const = 0;

    virtual Interest interest() const { return {}; }
    /// After the whole block has been set up, before start(): to find other handlers of the chain.
    virtual Result<void> link(const Chain&) { return {}; }

    /// Called for each query that gets here. Must not block. With Step::later keep the query's
    /// address: it stays valid until the call that ends it.
    virtual Step handle(Query& q) = 0;
    /// After Step::watch: the reply, or the failure (q.outcome()), on its way back; may be changed.
    /// Step::done goes on towards the client; Step::later holds it until finish() or fail().
    virtual Step answered(Query&) { return Step::done; }
    /// A query that was refused before any block was chosen for it, or before the chain: to the
    /// first plugin prometheus of the listener's blocks. q.zone() must not be asked for.
    virtual void refused(Query&) {}

    /// Once a thread, before its first query. An error keeps the server from starting, or the old
    /// configuration running.
    virtual Result<void> start(Worker&) { return {}; }
    /// Once a thread, after its last query of this configuration, before its loop goes away.
    /// Queries that are still held must be ended with fail(). The last of a chain stops first.
    virtual void stop(Worker&) {}

    /// Whether it can answer already; plugin ready asks. Any thread.
    virtual bool ready() const { return true; }

    /// The handler's zones, for plugin transfer; null if it has none.
    virtual ZoneSource* zone_source() { return nullptr; }
    /// A line for -explain: what it would do with a query, "zone example.org. from db.example".
    virtual std::string explain() const { return {}; }
};

/// The handlers of one server block, in order; at most 64.
class Chain {
  public:
    void add(std::unique_ptr<Handler> handler) { handlers_.push_back(std::move(handler)); }
    std::span<const std::unique_ptr<Handler>> handlers() const { return handlers_; }
    size_t size() const { return handlers_.size(); }
    Handler& at(size_t index) const { return *handlers_[index]; }

  private:
    std::vector<std::unique_ptr<Handler>> handlers_;
};

constexpr unsigned kMostWorkers = 256;

/// One value a worker, by index. Filled in start(), on the thread that uses it.
template <typename T>
class PerWorker {
  public:
    T& operator[](const Worker& worker) { return *values_[worker.index()]; }
    template <typename... Args>
    T& make(const Worker& worker, Args&&... args) {
        values_[worker.index()] = std::make_unique<T>(std::forward<Args>(args)...);
        return *values_[worker.index()];
    }
    void drop(const Worker& worker) { values_[worker.index()].reset(); }
    bool has(const Worker& worker) const { return values_[worker.index()] != nullptr; }

  private:
    std::array<std::unique_ptr<T>, kMostWorkers> values_;
};

/// How long connections may take; defaults of the spec page "ipref-coredns", 2.4, 9.
struct StreamTimes {
    run::Milliseconds read{3000};   ///< from accepting to the first whole question
    run::Milliseconds write{5000};  ///< for the client to take an answer
    run::Milliseconds idle{10000};  ///< from one question to the next
};

/// Decides by the question and where it came from whether a block takes it (plugin view).
class BlockFilter {
  public:
    virtual ~BlockFilter() = default;
    virtual bool accepts(const Request& request) const = 0;
};

/// Settings of a server block that are not handlers; plugins bind, debug, root, ... write them.
struct BlockSettings {
    std::vector<net::Ip> bind;  ///< empty: every address
    bool debug = false;
    unsigned sockets = 0;              ///< an address, by plugin multisocket; 0: it is not there
    std::string view;                  ///< its name; "" without plugin view
    std::vector<net::Endpoint> ready;  ///< where plugin ready tells of this block's plugins
    std::shared_ptr<tls::LiveContext> tls;  ///< of listeners tls:// and https://; null: plain
    std::optional<StreamTimes> times;
    std::shared_ptr<const BlockFilter> filter;  ///< null: every question
    std::string root;  ///< base of relative file names, with a trailing slash, or ""
};

/// Given to a plugin's setup function, once a server block that names it.
class Setup {
  public:
    Setup(std::string_view plugin, Dispenser tokens, std::vector<ZoneKey> keys,
          BlockSettings& settings, Chain& chain, std::vector<std::string>& warnings,
          ProcessSettings& process, run::Metrics& metrics)
        : plugin_(plugin),
          tokens_(std::move(tokens)),
          keys_(std::move(keys)),
          settings_(settings),
          chain_(chain),
          warnings_(warnings),
          process_(process),
          metrics_(metrics) {}

    /// All uses of the directive in this block, one after the other.
    Dispenser& tokens() { return tokens_; }
    std::string_view plugin() const { return plugin_; }
    /// The block's keys; never empty.
    const std::vector<ZoneKey>& keys() const { return keys_; }
    BlockSettings& settings() { return settings_; }
    ProcessSettings& process() { return process_; }
    /// The handlers of the plugins in front.
    const Chain& chain() const { return chain_; }
    void add(std::unique_ptr<Handler> handler) { chain_.add(std::move(handler)); }
    /// Where handlers count; lives as long as they.
    run::Metrics& metrics() { return metrics_; }
    /// Something to say at start that keeps nothing from working; "plugin/NAME: " is put in front.
    void warn(std::string_view what);
    /// A file name of the Corefile, relative to plugin root's directory.
    std::string path(std::string_view name) const;
    /// Zones as arguments: names or prefixes made absolute and lower case, or, if there are none,
    /// the block's own zones.
    Result<std::vector<Name>> zones_or_own(const std::vector<Token>& arguments) const;
    /// "plugin/NAME: this plugin can only be used once per Server Block", at the second use.
    tl::unexpected<Error> once_error() const;
    /// plugin_error("missing upstream"): names plugin, file and line.
    tl::unexpected<Error> error(std::string_view what) const;

  private:
    std::string_view plugin_;
    Dispenser tokens_;
    std::vector<ZoneKey> keys_;
    BlockSettings& settings_;
    Chain& chain_;
    std::vector<std::string>& warnings_;
    ProcessSettings& process_;
    run::Metrics& metrics_;
};

using SetupFunction = Result<void> (*)(Setup&);

/// A row of the order table. Without a setup function the plugin is known to CoreDNS but not built
/// in here; `why` then says what to do instead, or that it comes later.
struct PluginRow {
    std::string_view name;
    SetupFunction setup = nullptr;
    std::string_view why = {};
};

/// All names of CoreDNS 1.12.1's plugin.cfg and ipref, in order.
std::span<const PluginRow> plugin_order();
/// Null for an unknown name.
const PluginRow* find_plugin(std::string_view name);

}  // namespace ipref::resolver

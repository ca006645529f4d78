// SPDX-License-Identifier: GPL-2.0-or-later
// A whole configuration: server blocks with their chains, and which listener serves which. Built
// whole, then not changed; shared by all workers. Choosing a block: spec page "ipref-coredns", 2.4
// and 6.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/run/metrics.h"
#include "resolver/corefile/parser.h"
#include "resolver/server/plugin.h"
#include "resolver/server/process.h"

namespace ipref::resolver {

struct Block {
    std::vector<ZoneKey> keys;
    BlockSettings settings;
    Chain chain;
    /// Whether the block names any plugin: a block without is REFUSED, not SERVFAIL.
    bool has_plugins = false;
    /// Some handler answers classes other than IN, takes NOTIFY.
    bool other_classes = false;
    bool notify = false;
    std::vector<std::string_view> plugins;  ///< names of all that it has, in order
};

/// Where a listener stands. Ordered, so that a reload can tell the old from the new.
struct ListenAddress {
    std::string transport;
    net::Endpoint at;
    friend auto operator<=>(const ListenAddress&, const ListenAddress&) = default;
    /// "dns://127.0.0.1:53"
    std::string str() const { return transport + "://" + at.str(); }
};

/// The blocks of one listener by zone.
class Routes {
  public:
    /// The listener as metrics name it: "dns://:53", "dns://127.0.0.1:53".
    std::string server;
    /// Who is told of queries that are refused before the chain, or null.
    Handler* refusals = nullptr;
    /// Certificate and times of its connections: those of the last block that names any.
    std::shared_ptr<tls::LiveContext> tls;
    std::optional<StreamTimes> times;

    struct Zone {
        Name name;  ///< lower case
        Block* block = nullptr;
        /// The next block of the same zone, for what this one's view does not take.
        Zone* next = nullptr;
    };

    /// False if the zone is there already, in a block without view.
    bool add(const Name& zone, Block& block);
    /// The block for a question: the longest zone suffix; for DS that of the nearest zone above
    /// the name, else the name's own, else the root's. Null: nobody serves it. `lower` in lower
    /// case. Of blocks of one zone the first counts whose view takes `request`; without `request`
    /// blocks that have a view are passed over.
    const Zone* choose(const Name& lower, uint16_t type, const Request* request = nullptr) const;
    const std::deque<Zone>& zones() const { return zones_; }
    /// Some block has plugin debug: a failed check ends the process.
    bool debug() const;

  private:
    const Zone* find(Bytes lower, const Request* request) const;

    std::deque<Zone> zones_;  // addresses stay: the index and queries point into it
    std::unordered_map<std::string_view, Zone*> index_;  // the first of each name
    size_t most_labels_ = 0;
};

struct Config {
    /// What the plugins count; outlives them.
    std::shared_ptr<run::Metrics> metrics = std::make_shared<run::Metrics>();
    std::vector<std::unique_ptr<Block>> blocks;
    std::map<ListenAddress, Routes> listeners;
    /// Lines to print at start, one a zone and address, sorted: "example.org.:53 on 127.0.0.1".
    std::vector<std::string> zone_lines;
    std::vector<std::string> warnings;
    /// Threads that take queries, each with sockets of its own: plugin multisocket, else one a CPU.
    unsigned workers = 1;
    ProcessSettings process;
    /// What was read: the Corefile and everything it imports. Set by whoever loads it.
    std::vector<std::string> files;
    /// Of the Corefile and all imports, to see whether a reload changes anything.
    std::string text;
};

struct ConfigOptions {
    std::string name = "Corefile";  ///< as in error messages
    uint16_t dns_port = 53;
    bool lenient = false;  ///< plugins that are not built in are left out, with a warning
    CorefileSources sources = system_sources();
    /// Of the program: counters go on through reloads.
    std::shared_ptr<run::Metrics> metrics = std::make_shared<run::Metrics>();
};

/// Handlers that threw: coredns_panics_total.
run::Counter& panics_counter(run::Metrics& metrics);

/// From text to a configuration whose plugins are set up but not started.
Result<std::shared_ptr<Config>> load_config(std::string_view text, const ConfigOptions& options);

/// Only Config::text: what tells one configuration from another, at little cost.
Result<std::string> config_text(std::string_view text, const ConfigOptions& options);

/// What an empty Corefile, or none, stands for.
extern const std::string_view kDefaultCorefile;

}  // namespace ipref::resolver

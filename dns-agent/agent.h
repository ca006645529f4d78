// SPDX-License-Identifier: GPL-2.0-or-later
// The agent: one follower a source, one connection to the mapper.
#pragma once

#include <memory>
#include <vector>

#include "common/run/file_watcher.h"
#include "common/run/http.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "dns-agent/follower.h"
#include "dns-agent/loop_world.h"
#include "dns-agent/notify_listener.h"
#include "dns-agent/options.h"

namespace ipref::agent {

class Agent {
  public:
    /// An error (resolver, metrics address) ends the program at start-up.
    static Result<std::unique_ptr<Agent>> make(run::Loop& loop, const Options& options);
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    /// Begins the first polls; the rest is done by the loop.
    void start();
    /// Reads the file of sources again. Those that are gone are withdrawn, new ones are polled;
    /// those that stay notice nothing. A mistake is logged, and changes nothing.
    void reload();

  private:
    Agent(run::Loop& loop, const Options& options, std::unique_ptr<LoopWorld> world);
    std::unique_ptr<Mapper> make_mapper();
    Heard notified(const dns::Name& zone, const net::Ip& from);
    void connected(const mapper::Server& server);
    std::unique_ptr<Follower> follow(const Source& source);
    bool read_again();
    void tell_reload(bool good);
    void adopt(std::vector<Source> sources);
    void forget_retired();

    run::Loop& loop_;
    Options options_;
    std::unique_ptr<LoopWorld> world_;
    run::Metrics metrics_;
    run::HttpServer http_;
    run::LogLimit ignored_limit_;
    std::unique_ptr<Mapper> mapper_;
    std::vector<std::unique_ptr<Follower>> followers_;
    std::vector<std::unique_ptr<Follower>> retired_;  ///< until the mapper knows
    std::unique_ptr<NotifyListener> notify_;
    std::unique_ptr<run::FileWatcher> watcher_;
};

}  // namespace ipref::agent

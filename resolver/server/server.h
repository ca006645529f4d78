// SPDX-License-Identifier: GPL-2.0-or-later
// The server: a configuration, its workers, and changing both while running. The first worker is on
// the loop given, the others have threads of their own. Each has sockets of its own on every
// address (SO_REUSEPORT), among which the kernel spreads the clients; workers share nothing but
// the configuration.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "resolver/server/inherited.h"
#include "resolver/server/worker_server.h"
#include "resolver/server/worker_thread.h"

namespace ipref::resolver {

class Server {
  public:
    /// `bound` is called each time that all sockets of a configuration are there, before plugins
    /// and threads of it start; an error of it is one of use().
    explicit Server(run::Loop& loop, std::function<Result<void>()> bound = {});
    /// Used for the addresses that they are bound to, instead of sockets of our own, for the rest
    /// of its life. To be called before use().
    void inherit(InheritedSockets sockets) { inherited_ = std::move(sockets); }
    const InheritedSockets& inherited() const { return inherited_; }
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds what the configuration needs and is not bound yet, starts its plugins on every
    /// worker, and when all of that has worked swaps it in everywhere and lets go of what is not
    /// needed any more. On an error everything stays as it was.
    Result<void> use(const std::shared_ptr<Config>& config);
    const Config* config() const;
    /// Workers that take queries.
    size_t workers() const { return workers_.size(); }
    /// Whether every worker's loop has turned since the call before; asks them again.
    bool all_alive();

    /// No more questions; `done` is called when the last answer is out, at the latest after
    /// `patience`. Plugins have been stopped then.
    void stop(run::Milliseconds patience, std::function<void()> done);

  private:
    struct Member {
        std::unique_ptr<WorkerThread> thread;  // none: the loop of the whole server
        std::unique_ptr<WorkerServer> server;
        std::set<ListenAddress> addresses;
        std::atomic<bool> stopped = false;
        void call(const std::function<void()>& what) const;
    };
    using Members = std::vector<std::unique_ptr<Member>>;

    Result<std::vector<std::vector<BoundSockets>>> bind_new(const Config& config,
                                                            size_t workers) const;
    Result<BoundSockets> bind(const ListenAddress& address, bool alone) const;
    std::unique_ptr<Member> member(unsigned index);
    static void end(Member& member);
    void dismiss(Members members, run::Milliseconds patience);
    void one_stopped();

    run::Loop& loop_;
    std::function<Result<void>()> bound_;
    InheritedSockets inherited_;
    std::shared_ptr<Config> config_;
    std::shared_ptr<ConnectionTable> connections_ = std::make_shared<ConnectionTable>();
    Members workers_;
    Members leaving_;
    bool stopping_ = false;
    std::function<void()> stopped_;
    run::Wake wake_;  // a worker has stopped
};

}  // namespace ipref::resolver

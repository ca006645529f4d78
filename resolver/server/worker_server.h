// SPDX-License-Identifier: GPL-2.0-or-later
// One worker's share of the server: a runner, and listeners on sockets of its own. Lives on one
// loop; every call is made on that loop's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "resolver/server/runner.h"
#include "resolver/server/tcp.h"
#include "resolver/server/udp.h"

namespace ipref::resolver {

/// Sockets of one address for one worker.
struct BoundSockets {
    ListenAddress address;
    Fd udp;  ///< none with tls:// and https://
    Fd tcp;
    bool inherited = false;  ///< the service manager has them open as well
};

class WorkerServer {
  public:
    WorkerServer(run::Loop& loop, unsigned index, std::shared_ptr<ConnectionTable> connections);

    /// Starts the configuration's plugins beside the old one's, and keeps the sockets for it. On
    /// an error everything is as it was.
    Result<void> prepare(const std::shared_ptr<Config>& config, std::vector<BoundSockets> sockets);
    /// Swaps in what was prepared: its sockets are listened on, those that it does not name are
    /// given up once their answers are out.
    void commit();
    /// Lets go of what was prepared.
    void abandon();

    /// No more questions; `done` is called when the last answer is out, at the latest after
    /// `patience`. The plugins have been stopped then.
    void stop(run::Milliseconds patience, std::function<void()> done);

    /// Whether the loop has turned since the call before; asks it to, again. From any thread.
    bool heard();

    const Runner& runner() const { return runner_; }

  private:
    struct Listener {
        std::unique_ptr<UdpListener> udp;
        std::unique_ptr<TcpListener> tcp;
        void route(const Routes* routes) const;
        void retire() const;
        size_t pending() const { return (udp ? udp->pending() : 0) + tcp->pending(); }
    };

    void open(BoundSockets sockets);
    void sweep();

    Runner runner_;
    std::shared_ptr<ConnectionTable> connections_;
    std::shared_ptr<Active> prepared_;
    std::vector<BoundSockets> sockets_;  // of what is prepared
    std::map<ListenAddress, Listener> listeners_;
    std::vector<Listener> retired_;
    run::Timer sweep_;
    std::atomic<bool> heard_ = true;
    run::Wake hear_;
    std::chrono::steady_clock::time_point stop_by_;
    std::function<void()> stopped_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// The server: a configuration, its listeners, and changing both while running. One worker today,
// on the loop given; more workers are more runners with listeners of their own on the same
// addresses (SO_REUSEPORT).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "resolver/server/runner.h"
#include "resolver/server/tcp.h"
#include "resolver/server/udp.h"

namespace ipref::resolver {

class Server {
  public:
    explicit Server(run::Loop& loop);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds what the configuration needs and is not bound yet, starts its plugins, swaps it in,
    /// and lets go of what is not needed any more. On an error everything stays as it was.
    Result<void> use(const std::shared_ptr<Config>& config);
    const Config* config() const;

    /// No more questions; `done` is called when the last answer is out, at the latest after
    /// `patience`. Plugins have been stopped then.
    void stop(run::Milliseconds patience, std::function<void()> done);

  private:
    struct Listener {
        std::unique_ptr<UdpListener> udp;
        std::unique_ptr<TcpListener> tcp;
        void route(const Routes* routes) const;
        void retire() const;
        size_t pending() const { return udp->pending() + tcp->pending(); }
    };
    using Listeners = std::map<ListenAddress, Listener>;

    Result<Listeners> open_new(const Config& config);
    Result<Listener> open(const net::Endpoint& at);
    bool listens_on_port(uint16_t port) const;
    void sweep();

    Runner runner_;
    Listeners listeners_;
    std::vector<Listener> retired_;
    run::Timer sweep_;
    std::chrono::steady_clock::time_point stop_by_;
    std::function<void()> stopped_;
};

}  // namespace ipref::resolver

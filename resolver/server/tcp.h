// SPDX-License-Identifier: GPL-2.0-or-later
// A TCP listener (RFC 7766): many questions a connection, answered in any order. Bounded: so many
// connections in all and from one address, so many questions under way on one, so much unsent.
// Times of the spec page "ipref-coredns", 2.4, 9: 3 s for the first question, 10 s between
// questions, 5 s for an answer to be taken.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "resolver/server/runner.h"
#include "resolver/server/socket.h"

namespace ipref::resolver {

struct TcpLimits {
    size_t connections = 1000;
    size_t connections_of_one_address = 200;
    size_t questions = 100;   ///< under way on one connection
    size_t unsent = 524'288;  ///< bytes; beyond that nothing more is read
    run::Milliseconds first{3000};
    run::Milliseconds idle{10000};
    run::Milliseconds write{5000};
};

class TcpListener {
  public:
    /// `fd` from bind_socket at `at`.
    TcpListener(Runner& runner, Fd fd, const net::Endpoint& at, const TcpLimits& limits);
    ~TcpListener();
    TcpListener(const TcpListener&) = delete;
    TcpListener& operator=(const TcpListener&) = delete;

    void route(const Routes* routes) { routes_ = routes; }
    /// Takes no more connections and questions; answers that are due are still sent.
    void retire();
    /// Connections that are open; while there are any, the listener must live.
    size_t pending() const { return connections_.size(); }

  private:
    class Connection;
    struct Write;
    void accept();
    void bury(Connection& connection);

    Runner& runner_;
    net::Endpoint at_;
    TcpLimits limits_;
    const Routes* routes_ = nullptr;
    bool retired_ = false;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::unordered_map<net::Ip, size_t> of_address_;
    std::vector<std::shared_ptr<Connection>> dead_;
    std::unique_ptr<std::array<char, 65536>> scratch_;
    run::Timer sweep_;
    std::optional<run::OwnedHandle<uv_tcp_t>> handle_{std::in_place};
};

}  // namespace ipref::resolver

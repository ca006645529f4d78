// SPDX-License-Identifier: GPL-2.0-or-later
// A listener for streams: DNS over TCP (RFC 7766), over TLS (RFC 7858) and over HTTPS (RFC 8484).
// Many questions a connection, answered in any order. Bounded: connections (connection_table.h),
// questions under way on one, bytes unsent. Times of the spec page "ipref-coredns", 2.4, 9: 3 s for
// the first question, 10 s between questions, 5 s for an answer to be taken; plugin timeouts
// changes them.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/server/connection_table.h"
#include "resolver/server/runner.h"
#include "resolver/server/socket.h"

namespace ipref::resolver {

struct TcpLimits {
    size_t questions = 100;        ///< under way on one connection
    size_t unsent = 131'072;       ///< bytes; beyond that nothing more is read
    size_t most_unsent = 1 << 20;  ///< beyond that the connection is closed
    StreamTimes times;             ///< where no block says otherwise
};

class Connection;

class TcpListener {
  public:
    /// `fd` from bind_socket at `at`; `transport` is dns, tls or https.
    TcpListener(Runner& runner, Fd fd, std::string transport,
                std::shared_ptr<ConnectionTable> table, const TcpLimits& limits);
    ~TcpListener();
    TcpListener(const TcpListener&) = delete;
    TcpListener& operator=(const TcpListener&) = delete;

    /// The blocks behind it, with their certificate and times; null: everything is refused.
    void route(const Routes* routes) { routes_ = routes; }
    /// Takes no more connections and questions; answers that are due are still sent.
    void retire();
    /// Connections that are open; while there are any, the listener must live.
    size_t pending() const { return connections_.size(); }

    // -- for connections
    Runner& runner() { return runner_; }
    const Routes* routes() const { return routes_; }
    const TcpLimits& limits() const { return limits_; }
    const ConnectionTable& table() const { return *table_; }
    StreamTimes times() const;
    Proto proto() const;
    bool retired() const { return retired_; }
    std::array<char, 65536>& scratch() { return *scratch_; }
    void bury(Connection& connection);

  private:
    void accept();
    void serve(Connection& connection) const;

    Runner& runner_;
    std::string transport_;
    std::shared_ptr<ConnectionTable> table_;
    TcpLimits limits_;
    const Routes* routes_ = nullptr;
    bool retired_ = false;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::vector<std::shared_ptr<Connection>> dead_;
    std::unique_ptr<std::array<char, 65536>> scratch_;
    run::Timer sweep_;
    std::optional<run::OwnedHandle<uv_tcp_t>> handle_{std::in_place};
};

}  // namespace ipref::resolver

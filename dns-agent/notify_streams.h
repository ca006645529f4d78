// SPDX-License-Identifier: GPL-2.0-or-later
// Messages over TCP, each with its length in front, and their answers: a few short-lived
// connections with small buffers, from those who are welcome.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/net/ip.h"
#include "common/run/fd.h"
#include "common/run/loop.h"

namespace ipref::agent {

class NotifyStreams {
  public:
    static constexpr int kMost = 32;            ///< connections; further ones are closed at once
    static constexpr size_t kMostBytes = 1500;  ///< of a message
    static constexpr run::Milliseconds kTime{10'000};  ///< of a connection, in all

    struct Takers {
        std::function<bool(const net::Endpoint& from)> welcome;
        /// The answer; none ends the connection.
        std::function<std::vector<uint8_t>(dns::Bytes message, const net::Endpoint& from)> answer;
    };

    /// `listening`: a bound socket that listens.
    NotifyStreams(run::Loop& loop, run::Fd listening, Takers takers);
    ~NotifyStreams();

  private:
    struct Connection;
    void accept();
    void read(Connection& connection);
    bool take_messages(Connection& connection);
    void end(Connection& connection);

    run::Loop& loop_;
    run::Fd fd_;
    Takers takers_;
    std::list<std::unique_ptr<Connection>> connections_;
    run::Timer reap_;  ///< ended connections go in a turn of their own
    run::Poll poll_;
};

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
// A UDP listener: messages in, answers out, from the address that was asked.
#pragma once

#include <memory>
#include <optional>

#include "resolver/server/runner.h"
#include "resolver/server/socket.h"

namespace ipref::resolver {

class UdpListener final : public Sink {
  public:
    /// `fd` from bind_socket at `at`.
    UdpListener(Runner& runner, Fd fd, const net::Endpoint& at);
    ~UdpListener() override;

    /// The blocks behind it; null: everything is refused.
    void route(const Routes* routes) { routes_ = routes; }
    void deliver(Query& q) override;
    /// Takes what has arrived, closes the socket, so that it stands in no other's way, and takes no
    /// more. Answers that are due are still sent.
    void retire();
    /// Answers that are due: while there are any, the listener must live.
    size_t pending() const { return pending_; }

  private:
    struct Batch;
    void readable();
    Whence whence(size_t index) const;
    void send(const Request& to, Bytes message);

    Runner& runner_;
    Fd fd_;
    net::Endpoint at_;
    const Routes* routes_ = nullptr;
    size_t pending_ = 0;
    std::unique_ptr<Batch> batch_;
    std::optional<run::Poll> poll_;  // gone before the socket is
};

}  // namespace ipref::resolver

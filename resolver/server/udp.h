// SPDX-License-Identifier: GPL-2.0-or-later
// A UDP listener: messages in, answers out, from the address that was asked. Both in batches: what
// has arrived is taken with one call, what has been answered by the time is sent with one; nothing
// waits for a batch to fill.
#pragma once

#include <memory>
#include <optional>

#include "resolver/server/runner.h"
#include "resolver/server/socket.h"
#include "resolver/server/udp_answers.h"

namespace ipref::resolver {

class UdpListener final : public Sink {
  public:
    /// `fd` from bind_socket at `at`, or inherited.
    UdpListener(Runner& runner, Fd fd, const net::Endpoint& at, bool inherited = false);
    ~UdpListener() override;

    /// The blocks behind it; null: everything is refused.
    void route(const Routes* routes) { routes_ = routes; }
    void deliver(Query& q) override;
    /// Takes what has arrived, and no more; closes the socket, unless answers are due: to send
    /// them from the same port may need a privilege that is gone.
    void retire();
    /// Answers that are due: while there are any, the listener must live.
    size_t pending() const { return pending_; }

  private:
    struct Batch;
    void readable();
    void take_batch(size_t count);
    Whence whence(size_t index) const;
    void flush();

    Runner& runner_;
    Fd fd_;
    net::Endpoint at_;
    bool inherited_;
    const Routes* routes_ = nullptr;
    size_t pending_ = 0;
    bool taking_ = false;  // a batch of questions; their answers go out together
    std::unique_ptr<Batch> batch_;
    UdpAnswers answers_;
    run::BeforeWait flush_;          // for answers that come later
    std::optional<run::Poll> poll_;  // gone before the socket is
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// One zone transfer over TCP on the loop: connects, asks, reads until the zone is whole. Ends by
// itself when the server is silent or too slow.
#pragma once

#include <functional>
#include <vector>

#include "common/net/ip.h"
#include "common/run/loop.h"
#include "dns-agent/axfr.h"

namespace ipref::agent {

struct TransferTimes {
    run::Milliseconds connect{10'000};
    run::Milliseconds silence{30'000};
    run::Milliseconds whole{600'000};
};

class Transfer {
  public:
    using Callback = std::function<void(TransferResult)>;

    /// The callback is called once, from the loop, not from here. Inside it the transfer must not
    /// be destroyed; destroyed before, it never calls.
    Transfer(run::Loop& loop, const net::Endpoint& server, const dns::Name& zone, uint16_t id,
             TransferTimes times, Callback callback);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    bool finished() const { return finished_; }

  private:
    void connect(const net::Endpoint& server);
    void connected(int status);
    void read(ssize_t count);
    void time_out();
    void fail(std::string text);
    void finish(TransferResult result);

    run::Loop& loop_;
    AxfrStream stream_;
    TransferTimes times_;
    Callback callback_;
    run::Milliseconds until_;
    bool finished_ = false;
    bool connected_ = false;
    std::vector<char> buffer_;
    std::string early_;  ///< an error before the loop turned
    run::OwnedHandle<uv_tcp_t> socket_;
    run::Timer timer_;
};

}  // namespace ipref::agent

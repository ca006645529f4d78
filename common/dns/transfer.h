// SPDX-License-Identifier: GPL-2.0-or-later
// One question over TCP on the loop: connects, asks, reads until the answer is whole. Ends by
// itself when the server is silent, too slow, or sends too much.
#pragma once

#include <functional>
#include <vector>

#include "common/dns/answer_stream.h"
#include "common/net/ip.h"
#include "common/run/loop.h"

namespace ipref::dns {

struct TransferLimits {
    run::Milliseconds connect{10'000};
    run::Milliseconds silence{30'000};
    run::Milliseconds whole{600'000};
    uint64_t bytes = 256u << 20;
};

class Transfer {
  public:
    using Callback = std::function<void(TransferStep)>;

    /// Sends `query` (see AnswerStream::query) and feeds the stream, which outlives the transfer,
    /// until it is done. The callback is called once, from the loop, not from here. Inside it the
    /// transfer must not be destroyed; destroyed before, it never calls.
    Transfer(run::Loop& loop, const net::Endpoint& server, AnswerStream& stream,
             std::vector<uint8_t> query, TransferLimits limits, Callback callback);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    bool finished() const { return finished_; }

  private:
    void connect(const net::Endpoint& server);
    void connected(int status);
    void read(ssize_t count);
    void time_out();
    void fail(std::string text, TransferError::Limit limit = TransferError::Limit::none);
    void finish(TransferStep result);

    run::Loop& loop_;
    AnswerStream& stream_;
    std::vector<uint8_t> query_;
    TransferLimits limits_;
    uint64_t bytes_ = 0;
    Callback callback_;
    run::Milliseconds until_;
    bool finished_ = false;
    bool connected_ = false;
    std::vector<char> buffer_;
    std::string early_;  ///< an error before the loop turned
    run::OwnedHandle<uv_tcp_t> socket_;
    run::Timer timer_;
};

}  // namespace ipref::dns

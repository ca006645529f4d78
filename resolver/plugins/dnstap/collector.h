// SPDX-License-Identifier: GPL-2.0-or-later
// One connection to a collector of dnstap messages, and the messages that wait for it. Nothing
// blocks: what there is no room for is dropped and counted. A connection that fails or ends is
// made anew, after a second at first, after half a minute at most.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/dns/resolver.h"
#include "common/net/ip.h"
#include "common/run/fd.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "common/tls/session.h"
#include "resolver/plugins/dnstap/frame_stream.h"

namespace ipref::resolver::dnstap {

struct CollectorOptions {
    std::string text;  ///< the endpoint as configured, for log lines
    std::string path;  ///< of a unix socket; empty: `host` and `port`
    std::string host;  ///< name or address; for TLS what the certificate must name
    uint16_t port = 0;
    std::optional<tls::Context> tls;
    size_t send_buffer = 0;  ///< of the TCP socket, bytes
    size_t most_frames = 0;  ///< that wait
    size_t most_bytes = 0;   ///< that wait, those on their way to the kernel included
    run::Milliseconds retry{1000};
    run::Counter* dropped = nullptr;
};

/// Runs on one run::Loop; not thread-safe.
class Collector {
  public:
    Collector(run::Loop& loop, const CollectorOptions& options);
    /// Sends what the kernel takes at once, and the end of the stream.
    ~Collector();
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;

    /// One message, not empty; copied.
    void add(Bytes message);
    /// Messages may flow.
    bool open() const { return state_ == State::open; }

  private:
    enum class State : uint8_t { waiting, resolving, connecting, greeting, open };

    void on_time();
    void connect();
    void resolve(uint16_t type);
    void connect_to(const net::Endpoint& at);
    void begin(int family, const sockaddr* address, unsigned size);
    void on_poll(int events);
    void connected();
    void read();
    bool take(Bytes plain);
    void send(Bytes plain);
    void write();
    void refill();
    void lost(const std::string& why);
    void drop();

    run::Loop& loop_;
    const CollectorOptions& options_;  // the handler's, which outlives this
    State state_ = State::waiting;
    std::vector<uint8_t> queue_;  // frames
    size_t frames_ = 0;           // in queue_
    std::vector<uint8_t> out_;    // as they go to the kernel
    size_t sent_ = 0;             // of out_
    run::Milliseconds pause_;
    bool told_ = false;   // that it cannot be reached
    uint64_t drops_ = 0;  // since the last warning
    run::Milliseconds next_warning_{0};
    FrameStream stream_;
    std::optional<tls::Session> session_;
    std::unique_ptr<dns::Resolver> resolver_;
    run::Fd fd_;
    std::optional<run::Poll> poll_;  // gone before fd_ is
    run::Timer timer_;               // until the next try, or the end of this one
    run::BeforeWait flush_;
};

}  // namespace ipref::resolver::dnstap

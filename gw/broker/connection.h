// SPDX-License-Identifier: GPL-2.0-or-later
// One accepted connection of the mapper socket: records in, records out, never blocking.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/run/loop.h"
#include "gw/broker/clients.h"

namespace ipref::gw {

class ServerConnection : public Outlet {
  public:
    struct Events {
        std::function<void(wire::Bytes record)> record;
        /// A record that is longer than any may be, or empty, was left out.
        std::function<void(std::string why)> malformed;
        /// The last event, never from within a call; the owner drops the connection then.
        std::function<void(std::string why)> ended;
    };

    /// See BrokerOptions.
    struct Limits {
        size_t queue_bytes;
        uint32_t records_per_second;
        uint32_t bytes_per_second;
    };

    /// Takes the descriptor, which is non-blocking.
    ServerConnection(run::Loop& loop, int fd, const Limits& limits, Events events);
    ~ServerConnection() override = default;
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    /// Sends, or queues what the kernel does not take yet.
    void send(Record record) override;
    void pause(bool paused) override;
    size_t queued() const override { return queued_bytes_; }
    /// Ends it in the loop's next turn.
    void end(std::string why);

  private:
    void ready(int events);
    void read();
    void write();
    void watch();
    /// Whether the client keeps to its rate; if not, it is read again a little later.
    bool within_rate();
    /// Whether the other end has gone, as opposed to having sent an empty record.
    bool hung_up() const;

    struct Descriptor {
        ~Descriptor();
        int fd;
    };

    run::Loop& loop_;
    Descriptor descriptor_;  ///< closed after poll_ has gone
    const Limits limits_;
    Events events_;
    std::deque<Record> queue_;
    size_t queued_bytes_ = 0;
    bool paused_ = false;
    bool hasty_ = false;    ///< until again_
    int64_t records_left_;  ///< thousandths of what it may send now
    int64_t bytes_left_;
    run::Milliseconds filled_;
    std::string end_;  ///< why it ends; empty: it goes on
    run::Poll poll_;
    run::Timer ending_;
    run::Timer again_;
};

}  // namespace ipref::gw

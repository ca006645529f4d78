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

    /// Takes the descriptor, which is non-blocking. `queue_bytes`: see BrokerOptions.
    ServerConnection(run::Loop& loop, int fd, size_t queue_bytes, Events events);
    ~ServerConnection() override = default;
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    /// Sends, or queues what the kernel does not take yet.
    void send(Record record) override;
    void pause(bool paused) override;
    /// Ends it in the loop's next turn.
    void end(std::string why);

  private:
    void ready(int events);
    void read();
    void write();
    void watch();
    /// Whether the other end has gone, as opposed to having sent an empty record.
    bool hung_up() const;

    struct Descriptor {
        ~Descriptor();
        int fd;
    };

    Descriptor descriptor_;  ///< closed after poll_ has gone
    size_t most_queued_;
    Events events_;
    std::deque<Record> queue_;
    size_t queued_bytes_ = 0;
    bool paused_ = false;
    std::string end_;  ///< why it ends; empty: it goes on
    run::Poll poll_;
    run::Timer ending_;
};

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// One connection to a SOCK_SEQPACKET unix socket: records out, records in, nothing about what they
// mean. Never blocks: records that the kernel does not take yet wait in a queue, which the owner
// keeps short (see idle()).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/run/loop.h"
#include "common/wire/cursor.h"

namespace ipref::mapper {

/// A descriptor, closed with its owner.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

class Connection {
  public:
    /// Called from the loop only, never from within a call to the connection. Inside one the
    /// connection may be closed, but not destroyed. `ended` is the last.
    struct Events {
        std::function<void(wire::Bytes record)> record;
        std::function<void()> idle;  ///< the queue has become empty again
        std::function<void(std::string why)> ended;
    };

    /// The error says what connect() said about the path.
    static Result<std::unique_ptr<Connection>> open(run::Loop& loop, const std::string& path,
                                                    Events events);
    ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Sends, or queues behind what is queued. Errors are told by `ended`, later.
    void send(std::vector<uint8_t> record);
    /// Nothing is queued: a long series of records waits for this before its next one.
    bool idle() const { return queue_.empty(); }
    size_t queued() const { return queue_.size(); }
    /// Ends it without a call to `ended`; no event comes any more.
    void close();

  private:
    Connection(run::Loop& loop, int fd, Events events);
    void on_poll(int events);
    void write_queue();
    void read_records();
    void broken(int error);

    Descriptor fd_;
    Events events_;
    std::deque<std::vector<uint8_t>> queue_;
    std::vector<uint8_t> buffer_;
    int error_ = 0;
    bool ended_ = false;
    run::Poll poll_;  // after fd_: gone before it is closed
    run::Timer end_;  // tells `ended` in a turn of its own
};

}  // namespace ipref::mapper

// SPDX-License-Identifier: GPL-2.0-or-later
// Answers that wait to be sent over one UDP socket with one call.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>

#include "resolver/server/message.h"

namespace ipref::resolver {

class UdpAnswers {
  public:
    /// `from_any`: the socket is bound to all addresses, and each answer says which it is from.
    explicit UdpAnswers(bool from_any);
    ~UdpAnswers();

    bool empty() const { return count_ == 0; }
    /// Whether there is room for one more of up to `limit` bytes (at most 65535).
    bool has_room(size_t limit) const { return count_ < kMost && kBytes - used_ >= limit; }
    /// Where the next answer is to be written; has_room() first.
    std::span<uint8_t> room() const;
    /// The next answer is there, `size` bytes of it.
    void add(const Request& to, size_t size);
    /// Sends them. One that the kernel does not take now is lost, as any datagram may be: the
    /// client asks again.
    void send(int fd);

    static constexpr size_t kMost = 64;

  private:
    static constexpr size_t kBytes = 131'072;
    struct Space;
    void address(const Request& to, msghdr& header);

    bool from_any_;
    size_t count_ = 0;
    size_t used_ = 0;
    std::unique_ptr<Space> space_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets of listeners: made, bound, checked.
#pragma once

#include <unistd.h>

#include <utility>

#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::resolver {

/// Owns a descriptor.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() {
        if (fd_ >= 0) close(fd_);
    }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

enum class SocketKind : uint8_t { udp, tcp };

enum class Sharing : uint8_t {
    with_ours,     ///< fails if any other socket of this machine is bound there now
    with_anybody,  ///< joins sockets with SO_REUSEPORT of this user, so that is asked first
};

/// A bound, non-blocking socket; TCP listens. Later sockets of this process may share the address
/// (SO_REUSEPORT), whatever `sharing` says of those before: several workers, an old and a new
/// configuration.
Result<Fd> bind_socket(SocketKind kind, const net::Endpoint& at, Sharing sharing);

/// Has each datagram come with the address that it was sent to, if `fd` is bound to all of them.
void ask_for_destination(int fd, const net::Endpoint& at);

/// Whether the machine has this family at all.
bool family_works(net::Family family);

}  // namespace ipref::resolver

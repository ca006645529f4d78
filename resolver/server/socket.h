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

/// A bound, non-blocking socket; TCP listens. All have SO_REUSEPORT, so that several workers, and
/// an old and a new configuration, may share an address.
Result<Fd> bind_socket(SocketKind kind, const net::Endpoint& at);

/// Whether somebody else answers at this address already: a socket without SO_REUSEPORT must be
/// able to bind it. To be asked before bind_socket, and only if this process has no listener on
/// the port.
Result<void> check_free(SocketKind kind, const net::Endpoint& at);

/// Whether the machine has this family at all.
bool family_works(net::Family family);

}  // namespace ipref::resolver

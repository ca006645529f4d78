// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets that the service manager has opened for the server (socket activation): a server that
// gets all of them needs no privilege, and loses no query while it is restarted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/run/listen_fds.h"
#include "resolver/server/socket.h"

namespace ipref::resolver {

class InheritedSockets {
  public:
    InheritedSockets() = default;

    /// Errors: a descriptor that is no bound UDP or listening TCP socket, two of one address, one
    /// for all addresses of IPv6 that takes IPv4 as well; each names the descriptor and the remedy.
    static Result<InheritedSockets> from(std::vector<run::NamedFd> given);

    /// A duplicate for a listener; all of them share the queue, so that each query is read once.
    /// None if there is no such socket.
    Result<Fd> find(SocketKind kind, const net::Endpoint& at) const;
    /// Whether there is a socket of any kind.
    bool has(const net::Endpoint& at) const;
    std::vector<std::pair<SocketKind, net::Endpoint>> all() const;

  private:
    std::map<std::pair<SocketKind, net::Endpoint>, run::NamedFd> sockets_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/connect_to.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace ipref::dns {

int connect_to(run::Fd& fd, const net::Endpoint& server, int type,
               const std::optional<net::Ip>& source) {
    const int family = server.ip.is_v4() ? AF_INET : AF_INET6;
    fd = run::Fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    sockaddr_storage address;
    if (source) {
        const unsigned own = net::Endpoint{*source, 0}.to(address);
        if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), own) != 0) return errno;
    }
    const unsigned size = server.to(address);
    if (type == SOCK_STREAM) {
        const int on = 1;
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return 0;
    return errno == EINPROGRESS ? 0 : errno;
}

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ipref::resolver {

namespace {

int kernel_family(const net::Endpoint& at) {
    return at.ip.is_v4() ? AF_INET : AF_INET6;
}

const char* name_of(SocketKind kind) {
    return kind == SocketKind::udp ? "udp" : "tcp";
}

tl::unexpected<Error> failed(SocketKind kind, const net::Endpoint& at, int error) {
    const char* hint = "";
    if (error == EADDRINUSE) {
        hint =
            "; another server, or another instance of this one, answers there: stop it, or "
            "choose another port or address with `bind`";
    } else if (error == EADDRNOTAVAIL) {
        hint = "; no interface of this machine has the address";
    } else if (error == EACCES) {
        hint =
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE; a server that runs has "
            "given it up: restart it to have it listen there";
    }
    return fail("Listen: {} {}: {}{}", name_of(kind), at.str(), std::strerror(error), hint);
}

void on(int fd, int level, int option) {
    const int one = 1;
    setsockopt(fd, level, option, &one, sizeof one);
}

/// SO_REUSEPORT alone would let a second instance in to take half of the queries. A socket that
/// has it only after bind() must have been alone there, and shares the port from then on.
Result<Fd> bound(SocketKind kind, const net::Endpoint& at, Sharing sharing) {
    const int type = kind == SocketKind::udp ? SOCK_DGRAM : SOCK_STREAM;
    Fd fd(socket(kernel_family(at), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return failed(kind, at, errno);
    if (kind == SocketKind::tcp) on(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (sharing == Sharing::with_anybody) on(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    if (at.ip.is_v6()) on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    sockaddr_storage address{};
    const auto size = at.to(address);
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
        return failed(kind, at, errno);
    }
    on(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    return fd;
}

}  // namespace

Result<Fd> bind_socket(SocketKind kind, const net::Endpoint& at, Sharing sharing) {
    auto fd = bound(kind, at, sharing);
    if (!fd) return fd;
    if (kind == SocketKind::tcp && listen(fd->get(), 1024) != 0) return failed(kind, at, errno);
    if (kind == SocketKind::udp) ask_for_destination(fd->get(), at);
    return fd;
}

void ask_for_destination(int fd, const net::Endpoint& at) {
    if (!at.ip.is_zero()) return;
    at.ip.is_v4() ? on(fd, IPPROTO_IP, IP_PKTINFO) : on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

bool family_works(net::Family family) {
    const net::Endpoint any{net::Ip::any(family), 0};
    return bound(SocketKind::udp, any, Sharing::with_ours).has_value();
}

}  // namespace ipref::resolver

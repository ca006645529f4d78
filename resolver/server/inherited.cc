// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/inherited.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ipref::resolver {

namespace {

int option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

Result<std::pair<SocketKind, net::Endpoint>> what_is(const run::NamedFd& given) {
    const int fd = given.fd.get();
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const bool bound = getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                       (address.ss_family == AF_INET || address.ss_family == AF_INET6);
    const int type = option(fd, SOL_SOCKET, SO_TYPE);
    const bool stream = type == SOCK_STREAM && option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    if (!bound || (!stream && type != SOCK_DGRAM)) {
        return fail(
            "descriptor {} of the service manager is no UDP socket and no listening TCP socket; "
            "give ListenDatagram= and ListenStream= with addresses in the .socket unit",
            given.name);
    }
    const auto at = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
    if (address.ss_family == AF_INET6 && at.ip.is_zero() &&
        option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) {
        return fail(
            "descriptor {} of the service manager, {}, takes IPv4 as well; set "
            "BindIPv6Only=ipv6-only in the .socket unit, and name 0.0.0.0:{} beside it",
            given.name, at.str(), at.port);
    }
    return std::pair(stream ? SocketKind::tcp : SocketKind::udp, at);
}

}  // namespace

Result<InheritedSockets> InheritedSockets::from(std::vector<run::NamedFd> given) {
    InheritedSockets out;
    for (auto& one : given) {
        auto what = what_is(one);
        if (!what) return tl::unexpected(what.error());
        const int flags = fcntl(one.fd.get(), F_GETFL);
        if (flags < 0 || fcntl(one.fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
            return fail("descriptor {} of the service manager: {}", one.name, strerror(errno));
        }
        if (what->first == SocketKind::udp) ask_for_destination(one.fd.get(), what->second);
        const auto at = what->second;
        if (!out.sockets_.try_emplace(std::move(*what), std::move(one)).second) {
            return fail("the service manager has handed over two sockets of {}; name it once",
                        at.str());
        }
    }
    return out;
}

Result<Fd> InheritedSockets::find(SocketKind kind, const net::Endpoint& at) const {
    const auto found = sockets_.find({kind, at});
    if (found == sockets_.end()) return Fd();
    Fd duplicate(fcntl(found->second.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!duplicate) return fail("Listen: {}: {}", at.str(), std::strerror(errno));
    return duplicate;
}

bool InheritedSockets::has(const net::Endpoint& at) const {
    return sockets_.contains({SocketKind::udp, at}) || sockets_.contains({SocketKind::tcp, at});
}

std::vector<std::pair<SocketKind, net::Endpoint>> InheritedSockets::all() const {
    std::vector<std::pair<SocketKind, net::Endpoint>> out;
    for (const auto& [what, fd] : sockets_) out.push_back(what);
    return out;
}

}  // namespace ipref::resolver

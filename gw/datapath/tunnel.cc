// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tunnel.h"

#include <netinet/in.h>
#include <time.h>

// After time.h, which it needs.
#include <linux/errqueue.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ipref::gw {

namespace {

constexpr int kBufferBytes = 7 << 20;

Result<run::Fd> make_socket(const net::Endpoint& at) {
    run::Fd fd(
        ::socket(at.ip.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail("UDP socket for {}: {}", at.str(), strerror(errno));
    const int on = 1;
    if (at.ip.is_v6()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return fd;
}

Result<void> bind_socket(int fd, const net::Endpoint& at) {
    sockaddr_storage address{};
    const auto length = at.to(address);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return {};
    if (errno == EADDRINUSE) {
        return fail(
            "UDP {}: in use by another program, perhaps another gateway; see who with: "
            "ss -lunp 'sport = :{}', or choose another -gateway-port",
            at.str(), at.port);
    }
    if (errno == EADDRNOTAVAIL) {
        return fail(
            "UDP {}: no interface has this address; give one of this host to "
            "-gateway-bind, or {} for all",
            at.str(), net::Ip::any(at.ip.family()).str());
    }
    if (errno == EACCES) {
        return fail("UDP {}: no permission for this port; choose a -gateway-port from 1024 on",
                    at.str());
    }
    return fail("UDP {}: {}", at.str(), strerror(errno));
}

/// Past the limit of net.core.*mem_max if we may, else up to it.
void enlarge(int fd, int forced, int plain) {
    if (::setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) != 0) {
        ::setsockopt(fd, SOL_SOCKET, plain, &kBufferBytes, sizeof kBufferBytes);
    }
}

bool never_fragment(int fd, net::Family family) {
    const int on = 1;
    if (family == net::Family::v4) {
        const int discover = IP_PMTUDISC_DO;
        return ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover) == 0 &&
               ::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0;
    }
    const int discover = IPV6_PMTUDISC_DO;
    return ::setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof discover) == 0 &&
           ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0;
}

/// The path MTU in a message from the error queue; 0 if it is about something else.
uint32_t reported_mtu(msghdr& message) {
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        const bool v4 = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR;
        const bool v6 = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR;
        if ((!v4 && !v6) || part->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
        sock_extended_err error{};
        std::memcpy(&error, CMSG_DATA(part), sizeof error);
        if (error.ee_errno == EMSGSIZE) return error.ee_info;
    }
    return 0;
}

}  // namespace

Result<void> probe_tunnel_port(const net::Endpoint& at) {
    const auto fd = make_socket(at);
    if (!fd) return tl::unexpected(fd.error());
    return bind_socket(fd->get(), at);
}

Result<run::Fd> open_tunnel_socket(const net::Endpoint& at) {
    auto fd = make_socket(at);
    if (!fd) return fd;
    const int on = 1;
    if (::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        !never_fragment(fd->get(), at.ip.family())) {
        return fail("UDP {}: {}", at.str(), strerror(errno));
    }
    enlarge(fd->get(), SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge(fd->get(), SO_SNDBUFFORCE, SO_SNDBUF);
    if (auto bound = bind_socket(fd->get(), at); !bound) return tl::unexpected(bound.error());
    return fd;
}

TunnelSocket::TunnelSocket(int fd) : fd_(fd) {
    for (size_t i = 0; i < kBatch; i++) {
        messages_[i].msg_hdr.msg_name = &names_[i];
        messages_[i].msg_hdr.msg_iov = parts_[i].data();
    }
}

size_t TunnelSocket::receive(std::span<DatagramSpace> into) {
    const size_t most = std::min(into.size(), kBatch);
    for (size_t i = 0; i < most; i++) {
        parts_[i][0] = {into[i].space.data(), into[i].space.size()};
        messages_[i].msg_hdr.msg_iovlen = 1;
        messages_[i].msg_hdr.msg_namelen = sizeof names_[i];
    }
    int got = -1;
    // An error that an ICMP message left on the socket is told once instead of the packets.
    for (int attempt = 0; attempt < 3 && got < 0; attempt++) {
        got = ::recvmmsg(fd_, messages_.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
        if (got < 0 && errno == EAGAIN) break;
    }
    for (int i = 0; i < got; i++) {
        const auto index = static_cast<size_t>(i);
        into[index].size = messages_[index].msg_len;
        into[index].from = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&names_[index]));
    }
    return got > 0 ? static_cast<size_t>(got) : 0;
}

void TunnelSocket::send(std::span<Datagram> datagrams) {
    while (!datagrams.empty()) {
        datagrams =
            datagrams.subspan(send_some(datagrams.first(std::min(datagrams.size(), kBatch))));
    }
}

/// Returns how many of them have been dealt with, at least one.
size_t TunnelSocket::send_some(std::span<Datagram> datagrams) {
    for (size_t i = 0; i < datagrams.size(); i++) {
        auto& datagram = datagrams[i];
        auto& header = messages_[i].msg_hdr;
        // The kernel only reads from them.
        parts_[i][0] = {const_cast<uint8_t*>(datagram.head.data()), datagram.head.size()};
        parts_[i][1] = {const_cast<uint8_t*>(datagram.rest.data()), datagram.rest.size()};
        header.msg_iovlen = datagram.rest.empty() ? 1 : 2;
        header.msg_namelen = datagram.to.to(names_[i]);
        datagram.error = 0;
    }
    const auto count = static_cast<unsigned>(datagrams.size());
    int error = 0;
    // With IP_RECVERR an ICMP error about an earlier datagram, to whomever, fails the next send:
    // trying again tells whether it was about this one.
    for (int attempt = 0; attempt < 3; attempt++) {
        const int sent = ::sendmmsg(fd_, messages_.data(), count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) return static_cast<size_t>(sent);
        error = errno;
        if (error == EAGAIN || error == ENOBUFS || error == EPERM) break;
    }
    datagrams[0].error = error;
    return 1;
}

size_t TunnelSocket::path_mtus(std::span<PathMtu> into) {
    size_t count = 0;
    while (count < into.size()) {
        sockaddr_storage name{};
        alignas(cmsghdr) std::array<uint8_t, 512> control{};
        msghdr message{};
        message.msg_name = &name;
        message.msg_namelen = sizeof name;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
        const uint32_t mtu = reported_mtu(message);
        if (mtu == 0 || (name.ss_family != AF_INET && name.ss_family != AF_INET6)) continue;
        const auto peer = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&name)).ip;
        into[count++] = {peer, mtu};
    }
    return count;
}

}  // namespace ipref::gw

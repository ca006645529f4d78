// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tunnel.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <time.h>

// After time.h, which it needs.
#include <linux/errqueue.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace ipref::gw {

namespace {

constexpr int kBufferBytes = 7 << 20;
// Groups refused in a row, each of which went one by one, before grouping is given up.
constexpr unsigned kRefusals = 3;

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

namespace {

template <typename Value>
std::optional<Value> socket_option(int fd, int name) {
    Value value{};
    socklen_t size = sizeof value;
    if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return std::nullopt;
    return value;
}

/// Nothing before Linux 5.14.
std::optional<uint64_t> network_namespace(int fd) {
    constexpr int kNetnsCookie = 71;  // SO_NETNS_COOKIE; older headers lack it
    return socket_option<uint64_t>(fd, kNetnsCookie);
}

}  // namespace

Result<void> fits_tunnel(int fd, const net::Endpoint& at) {
    if (socket_option<int>(fd, SO_TYPE) != SOCK_DGRAM ||
        socket_option<int>(fd, SO_REUSEPORT).value_or(0) == 0) {
        return fail("it is no tunnel socket");
    }
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6)) {
        return fail("it has no address");
    }
    const auto is = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
    if (is != at) return fail("it is on {}, not {}", is.str(), at.str());
    const auto fresh = make_socket(at);
    if (fresh && network_namespace(fresh->get()) != network_namespace(fd)) {
        return fail("it is of another network namespace");
    }
    return {};
}

namespace {

/// How many of the first datagrams can go in one UDP_SEGMENT message.
size_t group_size(std::span<const Datagram> datagrams, size_t most_bytes) {
    const auto& first = datagrams[0];
    const size_t size = first.size();
    size_t total = size;
    size_t count = 1;
    while (count < datagrams.size() && count < kMostSegmented) {
        const auto& next = datagrams[count];
        total += next.size();
        if (next.size() > size || next.size() == 0 || total > most_bytes || next.to != first.to) {
            break;
        }
        count++;
        if (next.size() < size) break;
    }
    return count;
}

template <typename Value>
Value value_of(const cmsghdr& part) {
    Value value;
    std::memcpy(&value, CMSG_DATA(&part), sizeof value);
    return value;
}

}  // namespace

TunnelSocket::TunnelSocket(int fd, net::Family family, Offloads& offloads, SendMessages send)
    : fd_(fd), family_(family), offloads_(offloads), send_(std::move(send)) {
    const int off = 0;
    const int on = 1;
    const auto gso = udp_gso(family);
    const auto gro = udp_gro(family);
    if (offloads.on(gso) && ::setsockopt(fd, SOL_UDP, UDP_SEGMENT, &off, sizeof off) != 0) {
        offloads.absent(gso, "this kernel has none, it came with Linux 4.18");
    }
    const int& grouped = offloads.on(gro) ? on : off;  // a kept socket may have it on
    if (::setsockopt(fd, SOL_UDP, UDP_GRO, &grouped, sizeof grouped) != 0 && offloads.on(gro)) {
        offloads.absent(gro, "this kernel has none, it came with Linux 5.0");
    }
    ::setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);  // a counter less without it
    for (size_t i = 0; i < kBatch; i++) messages_[i].msg_hdr.msg_name = &names_[i];
}

size_t TunnelSocket::receive(std::span<DatagramSpace> into) {
    const size_t most = std::min(into.size(), kBatch);
    for (size_t i = 0; i < most; i++) {
        auto& header = messages_[i].msg_hdr;
        parts_[i] = {into[i].space.data(), into[i].space.size()};
        header.msg_iov = &parts_[i];
        header.msg_iovlen = 1;
        header.msg_namelen = sizeof names_[i];
        header.msg_control = controls_[i].bytes.data();
        header.msg_controllen = controls_[i].bytes.size();
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
        read_control(messages_[index].msg_hdr, into[index]);
    }
    return got > 0 ? static_cast<size_t>(got) : 0;
}

void TunnelSocket::read_control(msghdr& header, DatagramSpace& into) {
    into.segment_size = 0;
    for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO &&
            part->cmsg_len >= CMSG_LEN(sizeof(int))) {
            // Four bytes, though UDP_SEGMENT has two.
            const int size = value_of<int>(*part);
            if (size > 0) into.segment_size = static_cast<size_t>(size);
        }
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_RXQ_OVFL &&
            part->cmsg_len >= CMSG_LEN(sizeof(uint32_t))) {
            // The kernel's counter has 32 bits.
            const uint64_t before = overflows_.load(std::memory_order_relaxed);
            const auto more = value_of<uint32_t>(*part) - static_cast<uint32_t>(before);
            overflows_.store(before + more, std::memory_order_relaxed);
        }
    }
}

void TunnelSocket::send(std::span<Datagram> datagrams) {
    while (!datagrams.empty()) {
        const size_t messages = fill(datagrams);
        int error = 0;
        const int sent = try_send(messages, error);
        size_t done = 0;
        for (int i = 0; i < sent; i++) done += grouped_[static_cast<size_t>(i)];
        for (auto& each : datagrams.first(done)) each.error = 0;
        if (sent == 0) {
            done = grouped_[0];
            refused(datagrams.first(done), error);
        }
        datagrams = datagrams.subspan(done);
    }
}

/// As many messages as there are, or as there is room for; returns their number.
size_t TunnelSocket::fill(std::span<Datagram> datagrams) {
    const bool grouping = offloads_.on(udp_gso(family_));
    size_t messages = 0;
    size_t part = 0;
    while (!datagrams.empty() && messages < kBatch) {
        const size_t count = grouping ? group_size(datagrams, most_segmented_bytes(family_)) : 1;
        if (part + 2 * count > parts_.size()) break;
        fill_message(messages, part, datagrams.first(count));
        grouped_[messages++] = count;
        datagrams = datagrams.subspan(count);
    }
    return messages;
}

void TunnelSocket::fill_message(size_t message, size_t& part, std::span<Datagram> group) {
    auto& header = messages_[message].msg_hdr;
    header.msg_namelen = group[0].to.to(names_[message]);
    header.msg_iov = &parts_[part];
    for (const auto& datagram : group) {
        // The kernel only reads from them.
        parts_[part++] = {const_cast<uint8_t*>(datagram.head.data()), datagram.head.size()};
        if (datagram.rest.empty()) continue;
        parts_[part++] = {const_cast<uint8_t*>(datagram.rest.data()), datagram.rest.size()};
    }
    header.msg_iovlen = static_cast<size_t>(&parts_[part - 1] - header.msg_iov) + 1;
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    if (group.size() == 1) return;
    auto& control = controls_[message];
    const auto size = static_cast<uint16_t>(group[0].size());
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(sizeof size);
    auto* cmsg = CMSG_FIRSTHDR(&header);
    cmsg->cmsg_level = SOL_UDP;
    cmsg->cmsg_type = UDP_SEGMENT;
    cmsg->cmsg_len = CMSG_LEN(sizeof size);
    std::memcpy(CMSG_DATA(cmsg), &size, sizeof size);
}

/// Messages sent; 0: the first one failed.
int TunnelSocket::try_send(size_t messages, int& error) {
    // With IP_RECVERR an ICMP error about an earlier datagram, to whomever, fails the next send:
    // trying again tells whether it was about this one.
    for (int attempt = 0; attempt < 3; attempt++) {
        const int sent = send_(fd_, messages_.data(), static_cast<unsigned>(messages),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) return sent;
        error = errno;
        if (error == EAGAIN || error == ENOBUFS || error == EPERM) break;
    }
    return 0;
}

void TunnelSocket::refused(std::span<Datagram> group, int error) {
    const bool may_be_grouping = error == EIO || error == EINVAL || error == EMSGSIZE;
    if (group.size() == 1 || !may_be_grouping) {
        for (auto& each : group) each.error = error;
        return;
    }
    const auto gso = udp_gso(family_);
    if (error == EIO) {
        offloads_.broken(gso, fmt::format("sending to {} fails with EIO: an interface on the way "
                                          "cannot compute checksums, or an IPsec policy is there",
                                          group[0].to.str()));
    }
    send_singly(group);
    const bool went = std::all_of(group.begin(), group.end(),
                                  [](const Datagram& each) { return each.error == 0; });
    // EINVAL says "too large for the path" before Linux 6.14, and anything else.
    refused_in_row_ = went ? refused_in_row_ + 1 : 0;
    if (refused_in_row_ == kRefusals) {
        offloads_.broken(gso, fmt::format("sending to {} fails with {}, one by one it works",
                                          group[0].to.str(), strerror(error)));
    }
}

void TunnelSocket::send_singly(std::span<Datagram> group) {
    for (size_t i = 0; i < group.size(); i++) {
        size_t part = 0;
        fill_message(0, part, group.subspan(i, 1));
        int error = 0;
        group[i].error = try_send(1, error) == 1 ? 0 : error;
        if (group[i].error != EMSGSIZE) continue;
        // Nor will the others go that are as large.
        while (i + 1 < group.size() && group[i + 1].size() == group[i].size()) {
            group[++i].error = EMSGSIZE;
        }
    }
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

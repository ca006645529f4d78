// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ipref::gw {

namespace {

constexpr const char* kDevice = "/dev/net/tun";

Result<run::Fd> open_device() {
    run::Fd fd(::open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (fd) return fd;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        return fail(
            "no {}: load the driver with: modprobe tun (in a container, pass the device "
            "in)",
            kDevice);
    }
    if (errno == EACCES || errno == EPERM) {
        return fail("{}: no permission; run as root or with CAP_NET_ADMIN", kDevice);
    }
    return fail("{}: {}", kDevice, strerror(errno));
}

/// Attaches a queue; `name` is a pattern for the first, and its outcome for the others.
Result<run::Fd> attach_queue(std::string& name, bool first) {
    auto fd = open_device();
    if (!fd) return fd;
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags =
        static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE | (first ? IFF_TUN_EXCL : 0));
    if (::ioctl(fd->get(), TUNSETIFF, &request) == 0) {
        name = request.ifr_name;
        return fd;
    }
    if (errno == EBUSY || errno == EEXIST) {
        return fail(
            "interface {} is there already: choose another name with -tun, or remove it "
            "with: ip link del {}",
            name, name);
    }
    if (errno == EPERM) {
        return fail("TUN interface {}: no permission; run as root or with CAP_NET_ADMIN",
                    name == "tun%d" ? "" : name);
    }
    return fail("TUN interface {}: {}", name, strerror(errno));
}

std::array<iovec, 2> parts_of(Bytes head, Bytes rest) {
    // The kernel only reads from them.
    return {iovec{const_cast<uint8_t*>(head.data()), head.size()},
            iovec{const_cast<uint8_t*>(rest.data()), rest.size()}};
}

/// Another gateway, or a network that happens to be the same, would get our packets.
Result<void> refuse_overlap(Netlink& netlink, const net::Cidr& encode_net) {
    const auto addresses = netlink.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    for (const auto& each : *addresses) {
        if (!encode_net.contains(each.ip)) continue;
        return fail(
            "interface {} has {}/{}, which lies in the encode network {}: stop the other "
            "gateway, or choose another -encode-net",
            each.name, each.ip.str(), each.bits, encode_net.str());
    }
    return {};
}

Result<void> set_up(Netlink& netlink, const Tun& tun, const TunOptions& options) {
    // Best effort: without it the kernel sends router solicitations that are dropped here.
    (void)netlink.no_link_local(tun.index);
    auto step = netlink.set_mtu(tun.index, options.mtu);
    if (step) step = netlink.add_address(tun.index, options.ea, options.encode_net.bits());
    if (step) step = netlink.set_up(tun.index);
    if (!step) return fail("interface {}: {}", tun.name, step.error().text);
    return {};
}

}  // namespace

Result<Tun> open_tun(Netlink& netlink, const TunOptions& options) {
    if (auto clear = refuse_overlap(netlink, options.encode_net); !clear) {
        return tl::unexpected(clear.error());
    }
    Tun tun;
    tun.name = options.name.empty() ? "tun%d" : options.name;
    for (unsigned i = 0; i < options.queues; i++) {
        auto queue = attach_queue(tun.name, i == 0);
        if (!queue) return tl::unexpected(queue.error());
        tun.queues.push_back(std::move(*queue));
    }
    ifreq request{};
    tun.name.copy(request.ifr_name, IFNAMSIZ - 1);
    const run::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0) {
        return fail("interface {}: {}", tun.name, strerror(errno));
    }
    tun.index = static_cast<unsigned>(request.ifr_ifindex);
    if (auto done = set_up(netlink, tun, options); !done) return tl::unexpected(done.error());
    return tun;
}

Result<uint32_t> interface_mtu(Netlink& netlink, const net::Ip& bind) {
    if (bind.is_zero()) return kDefaultMtu;
    const auto addresses = netlink.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    for (const auto& each : *addresses) {
        if (each.ip == bind) return netlink.mtu(each.index);
    }
    return kDefaultMtu;
}

size_t TunQueue::read(std::span<TunSpace> into) {
    size_t count = 0;
    while (count < into.size()) {
        auto& slot = into[count];
        const auto got = ::read(fd_, slot.space.data(), slot.space.size());
        if (got <= 0) break;  // EAGAIN: none waits; EBADFD: the interface is down or gone
        slot.size = static_cast<size_t>(got);
        count++;
    }
    return count;
}

int TunQueue::write(Bytes head, Bytes rest) {
    const bool v4 = !head.empty() && head[0] >> 4 == 4;
    const size_t at = v4 ? 12 : 8;
    for (const auto& own : own_) {
        if (own.is_v4() == v4 && head.size() >= at + own.size() &&
            std::memcmp(head.data() + at, own.data(), own.size()) == 0) {
            return write_raw(head, rest);
        }
    }
    const auto parts = parts_of(head, rest);
    return ::writev(fd_, parts.data(), static_cast<int>(parts.size())) < 0 ? errno : 0;
}

int TunQueue::write_raw(Bytes head, Bytes rest) const {
    const bool v4 = head[0] >> 4 == 4;
    if (head.size() < (v4 ? 20u : 40u)) return EINVAL;
    const net::Ip to(v4 ? net::Family::v4 : net::Family::v6, head.data() + (v4 ? 16 : 24));
    sockaddr_storage address{};
    auto parts = parts_of(head, rest);
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = net::Endpoint{to, 0}.to(address);
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return ::sendmsg(v4 ? raw4_ : raw6_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

Result<run::Fd> open_raw(net::Family family) {
    // IPPROTO_RAW: packets come with their header, and none are received.
    run::Fd fd(::socket(family == net::Family::v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
                        IPPROTO_RAW));
    if (fd) return fd;
    if (errno == EPERM) {
        return fail("raw socket: no permission; run as root or with CAP_NET_RAW");
    }
    return fail("raw socket: {}", strerror(errno));
}

}  // namespace ipref::gw

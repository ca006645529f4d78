// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/run/log.h"
#include "gw/datapath/offload/coalescer.h"

namespace ipref::gw {

namespace {

constexpr const char* kDevice = "/dev/net/tun";

/// The kernel only reads from it.
iovec iovec_of(Bytes bytes) {
    return {const_cast<uint8_t*>(bytes.data()), bytes.size()};
}

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
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE |
                                           (first ? IFF_TUN_EXCL : 0));
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

// Since Linux 6.2; older headers lack them.
constexpr unsigned kUso4 = 0x20;
constexpr unsigned kUso6 = 0x40;

void set_offloads(int queue, Offloads& offloads) {
    const int size = kVnetHeaderSize;
    ::ioctl(queue, TUNSETVNETHDRSZ, &size);
    unsigned wanted = 0;
    if (offloads.on(Offload::tun_checksum)) wanted |= TUN_F_CSUM;
    if (offloads.on(Offload::tun_tso)) wanted |= TUN_F_TSO4 | TUN_F_TSO6;
    if (::ioctl(queue, TUNSETOFFLOAD, wanted) != 0) {
        const std::string why = fmt::format("the TUN driver refuses it: {}", strerror(errno));
        for (const auto each : {Offload::tun_checksum, Offload::tun_tso, Offload::tun_uso}) {
            offloads.absent(each, why);
        }
        return;
    }
    const bool uso = offloads.on(Offload::tun_uso);
    if (uso && ::ioctl(queue, TUNSETOFFLOAD, wanted | kUso4 | kUso6) != 0) {
        offloads.absent(Offload::tun_uso, "this kernel has none, it came with Linux 6.2");
    }
}

/// Two segments of 16 bytes, of a flow that is none: the kernel takes the packet in, or not, and
/// then drops it, for the header's checksum is wrong (IPv4) or the source a multicast address.
std::vector<uint8_t> probe_packet(net::Family family, bool udp, VnetHeader& offload) {
    const bool v4 = family == net::Family::v4;
    const size_t ip_size = net::header_size(family);
    const size_t layer4_size = udp ? 8 : 20;
    std::vector<uint8_t> out(ip_size + layer4_size + 32);
    if (v4) {
        out[0] = 0x45;
        out[3] = static_cast<uint8_t>(out.size());
        out[9] = udp ? IPPROTO_UDP : IPPROTO_TCP;
    } else {
        out[0] = 0x60;
        out[5] = static_cast<uint8_t>(out.size() - ip_size);
        out[6] = udp ? IPPROTO_UDP : IPPROTO_TCP;
        out[8] = 0xff;
    }
    if (udp) {
        out[ip_size + 5] = 40;
    } else {
        out[ip_size + 12] = 0x50;
        out[ip_size + 13] = 0x10;
    }
    using Gso = VnetHeader::Gso;
    offload.partial_checksum = true;
    offload.gso = udp ? Gso::udp : v4 ? Gso::tcp4 : Gso::tcp6;
    offload.header_size = static_cast<uint16_t>(ip_size + layer4_size);
    offload.segment_size = 16;
    offload.checksum_start = static_cast<uint16_t>(ip_size);
    offload.checksum_offset = udp ? 6 : 16;
    return out;
}

void probe_super_packets(int queue, net::Family family, Offloads& offloads) {
    for (const bool udp : {false, true}) {
        VnetHeader offload;
        const auto packet = probe_packet(family, udp, offload);
        const Bytes part(packet);
        if (TunQueue(queue, {}, -1, -1).write(offload, {&part, 1}) == 0) continue;
        offloads.absent(udp ? Offload::tun_gro_udp : Offload::tun_gro_tcp,
                        fmt::format("this kernel's TUN driver does not take super-packets: {}",
                                    strerror(errno)));
    }
}

/// Another gateway, or a network that happens to be the same, would get our packets.
Result<void> refuse_overlap(Netlink& netlink, const net::Cidr& encode_net, unsigned own) {
    const auto addresses = netlink.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    for (const auto& each : *addresses) {
        if (each.index == own || !encode_net.contains(each.ip)) continue;
        return fail(
            "interface {} has {}/{}, which lies in the encode network {}: stop the other "
            "gateway, or choose another -encode-net",
            each.name, each.ip.str(), each.bits, encode_net.str());
    }
    return {};
}

Result<void> set_up(Netlink& netlink, const Tun& tun, const TunOptions& options, bool made) {
    // Best effort: without it the kernel sends router solicitations that are dropped here.
    if (made) (void)netlink.no_link_local(tun.index);
    auto step = netlink.set_mtu(tun.index, options.mtu);
    if (step) step = netlink.set_queue_length(tun.index, kTunQueueLength);
    for (const auto& each : options.encode_nets) {
        if (step && made) step = netlink.add_address(tun.index, each.gateway, each.net.bits());
    }
    if (step) step = netlink.set_up(tun.index);
    if (!step) return fail("interface {}: {}", tun.name, step.error().text);
    return {};
}

Result<unsigned> index_of(const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    const run::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0) {
        return fail("interface {}: {}", name, strerror(errno));
    }
    return static_cast<unsigned>(request.ifr_ifindex);
}

/// The interface that a kept queue belongs to; an error if it is no queue as we make them.
Result<std::string> interface_of(int queue) {
    constexpr int kFlags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
    ifreq request{};
    if (::ioctl(queue, TUNGETIFF, &request) != 0) return fail("its interface is gone");
    if ((request.ifr_flags & kFlags) != kFlags) return fail("not a queue of this kind");
    return std::string(request.ifr_name);
}

/// Whether the interface has our addresses, and no others but link-local ones.
Result<void> has_addresses(Netlink& netlink, const Tun& tun, const TunOptions& options) {
    const auto addresses = netlink.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    size_t own = 0;
    for (const auto& each : *addresses) {
        if (each.index != tun.index || each.ip.is_link_local()) continue;
        const bool wanted = std::any_of(
            options.encode_nets.begin(), options.encode_nets.end(), [&](const EncodeNet& net) {
                return net.gateway == each.ip && net.net.bits() == each.bits;
            });
        if (!wanted) return fail("it has the address {}/{}", each.ip.str(), each.bits);
        own++;
    }
    if (own != options.encode_nets.size()) return fail("it lacks an address");
    return {};
}

std::string queue_name(size_t number) {
    return fmt::format("tun-{}", number);
}

/// The queues that are kept in `store`, as far as they are of one interface that fits; the number
/// of them may be another than wanted. None if nothing is kept; what does not fit is removed.
Tun kept_tun(Netlink& netlink, const TunOptions& options, run::FdStore& store) {
    Tun tun;
    Result<void> fits;
    for (size_t i = 0; i < options.queues && fits; i++) {
        auto queue = store.take(queue_name(i));
        if (!queue) break;
        const auto name = interface_of(queue.get());
        if (!name) {
            fits = tl::unexpected(name.error());
        } else if (i == 0) {
            tun.name = *name;
        } else if (*name != tun.name) {
            fits = fail("its queues are of {} and {}", tun.name, *name);
        }
        tun.queues.push_back(std::move(queue));
    }
    if (tun.queues.empty()) return {};
    const auto index = index_of(tun.name);
    if (index) tun.index = *index;
    if (fits && !index) fits = tl::unexpected(index.error());
    if (fits && !options.name.empty() && options.name != tun.name) {
        fits = fail("it is not {}", options.name);
    }
    if (fits) fits = has_addresses(netlink, tun, options);
    if (fits) return tun;
    run::log_info("interface {} of the gateway before does not fit, it is made anew: {}", tun.name,
                  fits.error().text);
    for (size_t i = 0; i < tun.queues.size(); i++) store.forget(queue_name(i));
    // The manager has the queues open for some time yet, which would keep the interface.
    if (tun.index != 0) (void)netlink.remove(tun.index);
    return {};
}

}  // namespace

Result<Tun> open_tun(Netlink& netlink, const TunOptions& options, Offloads& offloads,
                     run::FdStore& store) {
    Tun tun = kept_tun(netlink, options, store);
    for (const auto& each : options.encode_nets) {
        if (auto clear = refuse_overlap(netlink, each.net, tun.index); !clear) {
            return tl::unexpected(clear.error());
        }
    }
    const bool make = tun.queues.empty();
    if (make) tun.name = options.name.empty() ? "tun%d" : options.name;
    for (size_t i = tun.queues.size(); i < options.queues; i++) {
        auto queue = attach_queue(tun.name, i == 0);
        if (!queue) return tl::unexpected(queue.error());
        store.keep(queue_name(i), queue->get());
        tun.queues.push_back(std::move(*queue));
    }
    const auto index = index_of(tun.name);
    if (!index) return tl::unexpected(index.error());
    tun.index = *index;
    tun.kept = !make;
    const int queue = tun.queues.front().get();
    set_offloads(queue, offloads);
    if (auto done = set_up(netlink, tun, options, make); !done) return tl::unexpected(done.error());
    // Only an interface that is up takes packets.
    for (const auto& each : options.encode_nets) {
        probe_super_packets(queue, each.net.family(), offloads);
    }
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

size_t TunQueue::read(std::span<uint8_t> space, std::span<TunPacket> into) {
    constexpr size_t kAlign = 64;
    size_t count = 0;
    size_t used = 0;
    while (count < into.size() && used < kBatchBytes) {
        const size_t start = (used + kHeadroom + kAlign - 1) / kAlign * kAlign;
        uint8_t* header = space.data() + start - kVnetHeaderSize;
        const auto got = ::read(fd_, header, kVnetHeaderSize + kPacketSpace);
        if (got < 0) break;  // EAGAIN: none waits; EBADFD: the interface is down or gone
        const auto size = static_cast<size_t>(got);
        if (size <= kVnetHeaderSize) continue;
        using Header = std::span<const uint8_t, kVnetHeaderSize>;
        into[count++] = {start, size - kVnetHeaderSize,
                         VnetHeader::read(Header(header, kVnetHeaderSize))};
        used = start + size - kVnetHeaderSize;
    }
    return count;
}

bool TunQueue::from_own(Bytes head) const {
    const bool v4 = !head.empty() && head[0] >> 4 == 4;
    const size_t at = v4 ? 12 : 8;
    return std::any_of(own_.begin(), own_.end(), [&](const net::Ip& own) {
        return own.is_v4() == v4 && head.size() >= at + own.size() &&
               std::memcmp(head.data() + at, own.data(), own.size()) == 0;
    });
}

int TunQueue::write(const VnetHeader& offload, std::span<const Bytes> parts) {
    const bool plain = offload.gso == VnetHeader::Gso::none;
    if (from_own(parts[0])) return plain ? write_raw(parts) : EADDRNOTAVAIL;
    auto header = offload.bytes();
    std::array<iovec, Joined::kMostSegments + 2> vector;
    assert(parts.size() < vector.size());
    vector[0] = {header.data(), header.size()};
    for (size_t i = 0; i < parts.size(); i++) vector[i + 1] = iovec_of(parts[i]);
    return ::writev(fd_, vector.data(), static_cast<int>(parts.size() + 1)) < 0 ? errno : 0;
}

int TunQueue::write_raw(std::span<const Bytes> parts) const {
    const auto head = parts[0];
    const bool v4 = head[0] >> 4 == 4;
    if (head.size() < (v4 ? 20u : 40u)) return EINVAL;
    const net::Ip to(v4 ? net::Family::v4 : net::Family::v6, head.data() + (v4 ? 16 : 24));
    sockaddr_storage address{};
    std::array<iovec, 2> vector;
    assert(parts.size() <= vector.size());
    std::transform(parts.begin(), parts.end(), vector.begin(), iovec_of);
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = net::Endpoint{to, 0}.to(address);
    message.msg_iov = vector.data();
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

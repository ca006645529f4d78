// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/netlink.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ipref::gw {

namespace {

/// Walks the attributes behind a message's fixed part.
template <typename Each>
void each_attribute(const std::vector<uint8_t>& message, size_t fixed, Each each) {
    size_t at = NLMSG_ALIGN(sizeof(nlmsghdr)) + NLMSG_ALIGN(fixed);
    while (at + sizeof(rtattr) <= message.size()) {
        rtattr head{};
        std::memcpy(&head, message.data() + at, sizeof head);
        if (head.rta_len < sizeof head || at + head.rta_len > message.size()) return;
        each(head.rta_type, message.data() + at + sizeof head, head.rta_len - sizeof head);
        at += RTA_ALIGN(head.rta_len);
    }
}

template <typename Fixed>
Fixed fixed_part(const std::vector<uint8_t>& message) {
    Fixed out{};
    const size_t at = NLMSG_ALIGN(sizeof(nlmsghdr));
    if (message.size() >= at + sizeof out) std::memcpy(&out, message.data() + at, sizeof out);
    return out;
}

const char* reason(int error) {
    return error == EPERM ? "no permission; run as root or with CAP_NET_ADMIN" : strerror(error);
}

}  // namespace

/// A message in the making.
struct Netlink::Request {
    alignas(nlmsghdr) std::array<uint8_t, 256> bytes{};
    size_t size = NLMSG_ALIGN(sizeof(nlmsghdr));

    template <typename Fixed>
    Request(uint16_t type, unsigned flags, const Fixed& fixed) {
        nlmsghdr head{};
        head.nlmsg_type = type;
        head.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
        std::memcpy(bytes.data(), &head, sizeof head);
        append(&fixed, sizeof fixed);
    }
    void append(const void* from, size_t count) {
        if (size + count > bytes.size()) std::abort();  // all messages are of known size
        std::memcpy(bytes.data() + size, from, count);
        size = NLMSG_ALIGN(size + count);
    }
    /// Returns where it begins, for end_nested().
    size_t attribute(int type, const void* from, size_t count) {
        const size_t start = size;
        rtattr head{};
        head.rta_type = static_cast<uint16_t>(type);
        head.rta_len = static_cast<uint16_t>(sizeof head + count);
        append(&head, sizeof head);
        if (count > 0) append(from, count);
        return start;
    }
    void end_nested(size_t start) {
        const auto length = static_cast<uint16_t>(size - start);
        std::memcpy(bytes.data() + start, &length, sizeof length);
    }
    void finish(uint32_t sequence) {
        nlmsghdr head{};
        std::memcpy(&head, bytes.data(), sizeof head);
        head.nlmsg_len = static_cast<uint32_t>(size);
        head.nlmsg_seq = sequence;
        std::memcpy(bytes.data(), &head, sizeof head);
    }
};

Result<Netlink> Netlink::open() {
    run::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return fail("netlink socket: {}", reason(errno));
    return Netlink(std::move(fd));
}

int Netlink::exchange(Request& request, std::vector<std::vector<uint8_t>>* replies) {
    request.finish(++sequence_);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::sendto(fd_.get(), request.bytes.data(), request.size, 0,
                 reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        return errno;
    }
    std::vector<uint8_t> space(size_t{64} * 1024);
    for (;;) {
        const auto got = ::recv(fd_.get(), space.data(), space.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? errno : EPROTO;
        size_t at = 0;
        const auto size = static_cast<size_t>(got);
        while (at + sizeof(nlmsghdr) <= size) {
            nlmsghdr head{};
            std::memcpy(&head, space.data() + at, sizeof head);
            if (head.nlmsg_len < sizeof head || at + head.nlmsg_len > size) return EPROTO;
            const auto* start = space.data() + at;
            at += NLMSG_ALIGN(head.nlmsg_len);
            if (head.nlmsg_seq != sequence_) continue;  // left over from an earlier request
            if (head.nlmsg_type == NLMSG_DONE) return 0;
            if (head.nlmsg_type == NLMSG_ERROR) {
                int error = 0;
                std::memcpy(&error, start + NLMSG_HDRLEN, sizeof error);
                return -error;
            }
            if (replies != nullptr) replies->emplace_back(start, start + head.nlmsg_len);
        }
    }
}

Result<void> Netlink::change(Request& request, const std::string& what) {
    const int error = exchange(request, nullptr);
    if (error != 0) return fail("{}: {}", what, reason(error));
    return {};
}

Result<std::vector<InterfaceAddress>> Netlink::addresses() {
    ifaddrmsg fixed{};
    Request request(RTM_GETADDR, NLM_F_DUMP, fixed);
    std::vector<std::vector<uint8_t>> replies;
    if (const int error = exchange(request, &replies); error != 0) {
        return fail("list of this host's addresses: {}", reason(error));
    }
    std::vector<InterfaceAddress> out;
    for (const auto& reply : replies) {
        const auto head = fixed_part<ifaddrmsg>(reply);
        if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6) continue;
        const auto family = head.ifa_family == AF_INET ? net::Family::v4 : net::Family::v6;
        InterfaceAddress one{net::Ip::any(family), head.ifa_prefixlen, head.ifa_index, ""};
        each_attribute(reply, sizeof head, [&](int type, const uint8_t* data, size_t size) {
            // On point-to-point links IFA_ADDRESS is the other end's and IFA_LOCAL ours.
            const bool ours = type == IFA_LOCAL || (type == IFA_ADDRESS && one.ip.is_zero());
            if (ours && size >= net::address_size(family)) one.ip = net::Ip(family, data);
        });
        std::array<char, IF_NAMESIZE> name{};
        one.name = ::if_indextoname(one.index, name.data()) != nullptr ? name.data()
                                                                       : std::to_string(one.index);
        out.push_back(std::move(one));
    }
    return out;
}

Result<uint32_t> Netlink::mtu(unsigned index) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_GETLINK, NLM_F_ACK, fixed);
    std::vector<std::vector<uint8_t>> replies;
    if (const int error = exchange(request, &replies); error != 0) {
        return fail("MTU of interface {}: {}", index, reason(error));
    }
    uint32_t mtu = 0;
    for (const auto& reply : replies) {
        each_attribute(reply, sizeof fixed, [&](int type, const uint8_t* data, size_t size) {
            if (type == IFLA_MTU && size == sizeof mtu) std::memcpy(&mtu, data, sizeof mtu);
        });
    }
    if (mtu == 0) return fail("MTU of interface {}: the kernel does not tell", index);
    return mtu;
}

Result<void> Netlink::set_mtu(unsigned index, uint32_t mtu) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_NEWLINK, NLM_F_ACK, fixed);
    request.attribute(IFLA_MTU, &mtu, sizeof mtu);
    return change(request, fmt::format("set MTU {}", mtu));
}

Result<void> Netlink::set_queue_length(unsigned index, uint32_t length) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_NEWLINK, NLM_F_ACK, fixed);
    request.attribute(IFLA_TXQLEN, &length, sizeof length);
    return change(request, fmt::format("set queue length {}", length));
}

Result<void> Netlink::set_up(unsigned index) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    fixed.ifi_flags = IFF_UP;
    fixed.ifi_change = IFF_UP;
    Request request(RTM_NEWLINK, NLM_F_ACK, fixed);
    return change(request, "bring up");
}

Result<void> Netlink::remove(unsigned index) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_DELLINK, NLM_F_ACK, fixed);
    return change(request, "remove");
}

Result<void> Netlink::no_link_local(unsigned index) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_NEWLINK, NLM_F_ACK, fixed);
    const auto spec = request.attribute(IFLA_AF_SPEC, nullptr, 0);
    const auto inet6 = request.attribute(AF_INET6, nullptr, 0);
    const uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    request.attribute(IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    request.end_nested(inet6);
    request.end_nested(spec);
    return change(request, "turn off link-local addresses");
}

Result<void> Netlink::add_address(unsigned index, const net::Ip& ip, unsigned bits) {
    ifaddrmsg fixed{};
    fixed.ifa_family = ip.is_v4() ? AF_INET : AF_INET6;
    fixed.ifa_prefixlen = static_cast<uint8_t>(bits);
    fixed.ifa_flags = IFA_F_NODAD;
    fixed.ifa_index = index;
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, fixed);
    request.attribute(IFA_LOCAL, ip.data(), ip.size());
    request.attribute(IFA_ADDRESS, ip.data(), ip.size());
    return change(request, fmt::format("add address {}/{}", ip.str(), bits));
}

}  // namespace ipref::gw

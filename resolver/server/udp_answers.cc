// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/udp_answers.h"

#include <cerrno>
#include <cstring>

namespace ipref::resolver {

namespace {

constexpr size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));

template <typename Info>
void put_control(msghdr& header, int level, int type, const Info& info) {
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(c), &info, sizeof info);
    header.msg_controllen = CMSG_SPACE(sizeof info);
}

void put_source(msghdr& header, const net::Ip& source) {
    if (source.is_v4()) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, source.data(), 4);
        put_control(header, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, source.data(), 16);
        put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

}  // namespace

struct UdpAnswers::Space {
    std::array<mmsghdr, kMost> headers{};
    std::array<iovec, kMost> vectors{};
    std::array<sockaddr_storage, kMost> to;
    alignas(cmsghdr) std::array<std::array<uint8_t, kControl>, kMost> control;
    std::array<uint8_t, kBytes> data;
};

UdpAnswers::UdpAnswers(bool from_any)
    : from_any_(from_any), space_(std::make_unique_for_overwrite<Space>()) {}

UdpAnswers::~UdpAnswers() = default;

std::span<uint8_t> UdpAnswers::room() const {
    return std::span(space_->data).subspan(used_).first(std::min(kBytes - used_, dns::kMaxMessage));
}

void UdpAnswers::add(const Request& to, size_t size) {
    auto& header = space_->headers[count_].msg_hdr;
    space_->vectors[count_] = {space_->data.data() + used_, size};
    header.msg_iov = &space_->vectors[count_];
    header.msg_iovlen = 1;
    address(to, header);
    used_ += size;
    count_++;
}

void UdpAnswers::address(const Request& to, msghdr& header) {
    auto& address = space_->to[count_];
    header.msg_name = &address;
    header.msg_namelen = to.client.to(address);
    if (to.client.ip.is_v6() && to.client.ip.is_link_local()) {
        reinterpret_cast<sockaddr_in6*>(&address)->sin6_scope_id = to.interface;
    }
    if (!from_any_) return;
    header.msg_control = space_->control[count_].data();
    header.msg_controllen = kControl;
    put_source(header, to.local.ip);
}

void UdpAnswers::send(int fd) {
    for (size_t at = 0; at < count_;) {
        const int sent = sendmmsg(fd, space_->headers.data() + at,
                                  static_cast<unsigned>(count_ - at), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) break;
        if (sent < 0 && errno == EINTR) continue;
        at += sent < 0 ? 1 : static_cast<size_t>(sent);  // the first one was refused
    }
    count_ = 0;
    used_ = 0;
}

}  // namespace ipref::resolver

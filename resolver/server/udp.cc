// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "resolver/server/encode.h"

namespace ipref::resolver {

namespace {

constexpr size_t kBatch = 32;
constexpr size_t kMostQuery = 4096;  // larger questions over UDP arrive cut, and get FORMERR
constexpr size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));
constexpr int kMostBatches = 16;  // before other descriptors of the loop have their turn

}  // namespace

struct UdpListener::Batch {
    std::array<mmsghdr, kBatch> headers{};
    std::array<iovec, kBatch> vectors{};
    std::array<sockaddr_storage, kBatch> from{};
    alignas(cmsghdr) std::array<std::array<uint8_t, kControl>, kBatch> control{};
    std::array<std::array<uint8_t, kMostQuery>, kBatch> data;
    std::array<uint8_t, dns::kMaxMessage> out;

    void prepare() {
        for (size_t i = 0; i < kBatch; i++) {
            vectors[i] = {data[i].data(), data[i].size()};
            auto& header = headers[i].msg_hdr;
            header = {};
            header.msg_name = &from[i];
            header.msg_namelen = sizeof from[i];
            header.msg_iov = &vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = control[i].data();
            header.msg_controllen = kControl;
        }
    }
};

UdpListener::UdpListener(Runner& runner, Fd fd, const net::Endpoint& at)
    : runner_(runner), fd_(std::move(fd)), at_(at), batch_(std::make_unique<Batch>()) {
    poll_.emplace(runner.loop(), fd_.get(), [this](int) { readable(); });
    poll_->start(UV_READABLE);
}

UdpListener::~UdpListener() = default;

void UdpListener::retire() {
    readable();
    poll_.reset();
    fd_ = Fd();
}

void UdpListener::readable() {
    for (int round = 0; round < kMostBatches; round++) {
        batch_->prepare();
        const int count =
            recvmmsg(fd_.get(), batch_->headers.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (count <= 0) return;  // nothing left, or an ICMP error of an earlier answer
        for (size_t i = 0; i < static_cast<size_t>(count); i++) {
            const Bytes message(batch_->data[i].data(), batch_->headers[i].msg_len);
            pending_++;
            runner_.take(message, *this, routes_, whence(i));
        }
        if (static_cast<size_t>(count) < kBatch) return;
    }
}

Whence UdpListener::whence(size_t index) const {
    Whence out;
    const auto* from = reinterpret_cast<const sockaddr*>(&batch_->from[index]);
    out.client = net::Endpoint::from(from);
    out.local = at_;
    if (from->sa_family == AF_INET6) {
        out.interface = reinterpret_cast<const sockaddr_in6*>(from)->sin6_scope_id;
    }
    auto& header = batch_->headers[index].msg_hdr;
    for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            out.local.ip = net::Ip(net::Family::v4, reinterpret_cast<uint8_t*>(&info.ipi_addr));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            out.local.ip = net::Ip(net::Family::v6, reinterpret_cast<uint8_t*>(&info.ipi6_addr));
        }
    }
    return out;
}

void UdpListener::deliver(Query& q) {
    pending_--;
    if (q.outcome() == Query::Outcome::dropped) return;
    const size_t size = q.header_only()
                            ? encode_header_only(q.request.wire, q.reply.rcode, batch_->out)
                            : encode_reply(q.request, q.reply, q.limit(), batch_->out);
    send(q.request, Bytes(batch_->out.data(), size));
}

/// An answer that the kernel does not take now is lost, as any datagram may be: the client asks
/// again.
void UdpListener::send(const Request& to, Bytes message) {
    sockaddr_storage address{};
    const auto size = to.client.to(address);
    if (to.client.ip.is_link_local() && to.client.ip.is_v6()) {
        reinterpret_cast<sockaddr_in6*>(&address)->sin6_scope_id = to.interface;
    }
    iovec vector{const_cast<uint8_t*>(message.data()), message.size()};
    alignas(cmsghdr) std::array<uint8_t, kControl> control{};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = size;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (at_.ip.is_zero()) {
        header.msg_control = control.data();
        header.msg_controllen = kControl;
        auto* c = CMSG_FIRSTHDR(&header);
        if (at_.ip.is_v4()) {
            in_pktinfo info{};
            std::memcpy(&info.ipi_spec_dst, to.local.ip.data(), 4);
            c->cmsg_level = IPPROTO_IP;
            c->cmsg_type = IP_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof info);
            std::memcpy(CMSG_DATA(c), &info, sizeof info);
            header.msg_controllen = CMSG_SPACE(sizeof info);
        } else {
            in6_pktinfo info{};
            std::memcpy(&info.ipi6_addr, to.local.ip.data(), 16);
            c->cmsg_level = IPPROTO_IPV6;
            c->cmsg_type = IPV6_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof info);
            std::memcpy(CMSG_DATA(c), &info, sizeof info);
        }
    }
    // A retired listener has given its socket up: this answer gets one of its own.
    const auto own =
        fd_ ? Result<Fd>(Fd()) : bind_socket(SocketKind::udp, to.local, Sharing::with_anybody);
    if (!own) return;
    sendmsg(fd_ ? fd_.get() : own->get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace ipref::resolver

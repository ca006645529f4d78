// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "resolver/server/encode.h"

namespace ipref::resolver {

namespace {

constexpr size_t kBatch = 64;
// Larger questions over UDP arrive cut, and get FORMERR. No power of two: the first bytes of all
// messages of a batch would compete for the same lines of the CPU's cache.
constexpr size_t kMostQuery = 4096 + 64;
constexpr size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));
constexpr int kMostBatches = 16;  // before other descriptors of the loop have their turn

/// To itself, on loopback if it is bound to all addresses.
bool connect_to_nobody(int fd, const net::Endpoint& at) {
    net::Endpoint itself = at;
    if (at.ip.is_zero()) itself.ip = *net::Ip::parse(at.ip.is_v4() ? "127.0.0.1" : "::1");
    sockaddr_storage address{};
    const auto size = itself.to(address);
    return connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

}  // namespace

struct UdpListener::Batch {
    std::array<mmsghdr, kBatch> headers{};
    std::array<iovec, kBatch> vectors{};
    std::array<sockaddr_storage, kBatch> from;
    alignas(cmsghdr) std::array<std::array<uint8_t, kControl>, kBatch> control;
    std::array<std::array<uint8_t, kMostQuery>, kBatch> data;

    Batch() {
        for (size_t i = 0; i < kBatch; i++) prepare(i);
    }
    void prepare(size_t i) {
        vectors[i] = {data[i].data(), data[i].size()};
        auto& header = headers[i].msg_hdr;
        header.msg_name = &from[i];
        header.msg_namelen = sizeof from[i];
        header.msg_iov = &vectors[i];
        header.msg_iovlen = 1;
        header.msg_control = control[i].data();
        header.msg_controllen = kControl;
    }
};

UdpListener::UdpListener(Runner& runner, Fd fd, const net::Endpoint& at, bool inherited)
    : runner_(runner),
      fd_(std::move(fd)),
      at_(at),
      inherited_(inherited),
      batch_(new Batch),
      answers_(at.ip.is_zero()),
      flush_(runner.loop(), [this] { flush(); }) {
    poll_.emplace(runner.loop(), fd_.get(), [this](int) { readable(); });
    poll_->start(UV_READABLE);
}

UdpListener::~UdpListener() = default;

void UdpListener::retire() {
    readable();
    flush();
    poll_.reset();
    // What is connected gets no questions: they are for the sockets beside it. One of the service
    // manager's stays as it is, because the next server gets the same.
    if (pending_ == 0 || (!inherited_ && !connect_to_nobody(fd_.get(), at_))) fd_ = Fd();
}

void UdpListener::readable() {
    for (int round = 0; round < kMostBatches; round++) {
        const int count =
            recvmmsg(fd_.get(), batch_->headers.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (count <= 0) return;  // nothing left, or an ICMP error of an earlier answer
        take_batch(static_cast<size_t>(count));
        if (static_cast<size_t>(count) < kBatch) return;
    }
}

void UdpListener::take_batch(size_t count) {
    taking_ = true;
    for (size_t i = 0; i < count; i++) {
        const Bytes message(batch_->data[i].data(), batch_->headers[i].msg_len);
        pending_++;
        runner_.take(message, *this, routes_, whence(i));
        batch_->prepare(i);
    }
    taking_ = false;
    flush();
}

void UdpListener::flush() {
    flush_.stop();
    if (!answers_.empty()) answers_.send(fd_.get());
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
    if (!answers_.has_room(q.most_bytes())) flush();
    const auto room = answers_.room();
    const size_t size = q.header_only()
                            ? encode_header_only(q.request.wire, q.reply.rcode, room)
                            : q.sign(encode_reply(q.request, q.reply, q.limit(), room), room);
    answers_.add(q.request, size);
    if (taking_) return;
    poll_ ? flush_.start() : flush();  // what is retired may be gone with its last answer
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/udp_ports.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/dns/connect_to.h"
#include "common/dns/random.h"
#include "common/dns/wire_message.h"

namespace ipref::dns {

struct UdpPorts::Port : std::enable_shared_from_this<Port> {
    struct Seat {
        uint16_t id = 0;
        Query* query = nullptr;  // null: it has left
        std::span<uint8_t> message;
    };

    run::Fd fd;  // outlives its poll
    std::optional<run::Poll> poll;
    UdpPorts* owner = nullptr;  // null: closed
    size_t index = 0;           // in the owner's open_
    std::vector<Seat> seats;
    size_t waiting = 0;  // queries that have not left
    unsigned misses = 0;

    bool knows(uint16_t id) const {
        return std::any_of(seats.begin(), seats.end(), [&](const auto& s) { return s.id == id; });
    }

    void close() {
        if (owner == nullptr) return;
        auto& open = std::exchange(owner, nullptr)->open_;
        poll.reset();
        fd.reset();
        const auto self = std::move(open[index]);
        if (index + 1 < open.size()) {
            open[index] = std::move(open.back());
            open[index]->index = index;
        }
        open.pop_back();
    }

    /// The first that waits; it leaves.
    Query* take_waiting() {
        const auto at = std::find_if(seats.begin(), seats.end(),
                                     [](const auto& seat) { return seat.query != nullptr; });
        if (at == seats.end()) return nullptr;
        Query* query = at->query;
        query->leave();
        return query;
    }
};

void UdpPorts::Query::leave() {
    const auto port = std::exchange(port_, nullptr);
    if (port == nullptr) return;
    port->seats[seat_].query = nullptr;
    if (--port->waiting == 0) port->close();
}

UdpPorts::UdpPorts(run::Loop& loop, const net::Endpoint& server,
                   const std::optional<net::Ip>& source)
    : loop_(loop),
      server_(server),
      source_(source),
      alive_(std::make_shared<bool>(true)),
      before_wait_(loop, [this] { send_due(); }) {}

UdpPorts::~UdpPorts() {
    *alive_ = false;
    while (!open_.empty()) open_.back()->close();
}

int UdpPorts::add(Query& query, std::span<uint8_t> message) {
    const bool room =
        !due_.empty() && due_.back()->owner != nullptr && due_.back()->seats.size() < kShared;
    if (!room) {
        if (const int error = open_port(); error != 0) return error;
    }
    const auto& port = due_.back();
    uint16_t id = random_id();
    while (port->knows(id)) id = random_id();
    message[0] = static_cast<uint8_t>(id >> 8);
    message[1] = static_cast<uint8_t>(id);
    query.leave();
    query.port_ = port;
    query.seat_ = port->seats.size();
    port->seats.push_back({id, &query, message});
    port->waiting++;
    return 0;
}

int UdpPorts::open_port() {
    auto port = std::make_shared<Port>();
    if (const int error = connect_to(port->fd, server_, SOCK_DGRAM, source_); error != 0) {
        return error;
    }
    port->owner = this;
    port->index = open_.size();
    open_.push_back(port);
    if (due_.empty()) before_wait_.start();
    due_.push_back(std::move(port));
    return 0;
}

void UdpPorts::send_due() {
    const auto alive = alive_;
    before_wait_.stop();
    for (const auto& port : std::exchange(due_, {})) {
        if (port->owner != nullptr) send(port);
        if (!*alive) return;
    }
}

void UdpPorts::send(const std::shared_ptr<Port>& port) {
    std::array<mmsghdr, kShared> headers{};
    std::array<iovec, kShared> vectors{};
    unsigned count = 0;
    for (const auto& seat : port->seats) {
        if (seat.query == nullptr) continue;
        vectors[count] = {seat.message.data(), seat.message.size()};
        headers[count].msg_hdr.msg_iov = &vectors[count];
        headers[count++].msg_hdr.msg_iovlen = 1;
    }
    port->poll.emplace(loop_, port->fd.get(),
                       [this, raw = port.get()](int) { read(raw->shared_from_this()); });
    port->poll->start(UV_READABLE);
    for (unsigned sent = 0; sent < count;) {
        const int some = sendmmsg(port->fd.get(), &headers[sent], count - sent, MSG_NOSIGNAL);
        // A full send buffer is loss, as on the wire: the time-out covers it.
        if (some < 0 && errno == EAGAIN) return;
        if (some < 0) return fail(port, errno);
        sent += static_cast<unsigned>(some);
    }
}

void UdpPorts::read(const std::shared_ptr<Port>& port) {
    using Space = std::array<std::array<uint8_t, kMaxMessage>, kShared>;
    // Pages that no answer has reached cost no memory.
    thread_local const std::unique_ptr<Space> space(new Space);
    std::array<mmsghdr, kShared> headers{};
    std::array<iovec, kShared> vectors{};
    for (size_t i = 0; i < kShared; i++) {
        vectors[i] = {(*space)[i].data(), kMaxMessage};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(port->fd.get(), headers.data(), kShared, 0, nullptr);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) fail(port, errno);
        return;
    }
    for (size_t i = 0; i < static_cast<size_t>(got) && port->owner != nullptr; i++) {
        take(port, std::span((*space)[i]).first(headers[i].msg_len));
    }
}

void UdpPorts::take(const std::shared_ptr<Port>& port, std::span<uint8_t> datagram) {
    if (datagram.size() < kHeaderSize) return miss(port);
    const auto id = static_cast<uint16_t>(datagram[0] << 8 | datagram[1]);
    const auto at = std::find_if(port->seats.begin(), port->seats.end(),
                                 [&](const auto& seat) { return seat.id == id; });
    if (at == port->seats.end()) return miss(port);
    if (at->query == nullptr) return;  // answered already; the network may double datagrams
    if (!at->query->on_datagram(datagram)) miss(port);
}

void UdpPorts::miss(const std::shared_ptr<Port>& port) {
    if (++port->misses < kNearMisses) return;
    while (auto* query = port->take_waiting()) query->on_guesses();
}

void UdpPorts::fail(const std::shared_ptr<Port>& port, int error) {
    while (auto* query = port->take_waiting()) query->on_error(error);
}

}  // namespace ipref::dns

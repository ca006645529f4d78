// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/notify_streams.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <iterator>

namespace ipref::agent {

using run::Milliseconds;

struct NotifyStreams::Connection {
    Connection(run::Loop& loop, run::Fd socket, const net::Endpoint& peer,
               std::function<void()> readable, std::function<void()> late)
        : fd(std::move(socket)),
          from(peer),
          time(loop, std::move(late)),
          poll(loop, fd.get(), [call = std::move(readable)](int) { call(); }) {
        time.start(kTime);
        poll.start(UV_READABLE);
    }

    run::Fd fd;
    net::Endpoint from;
    std::vector<uint8_t> pending;
    bool ended = false;
    run::Timer time;
    run::Poll poll;
};

NotifyStreams::NotifyStreams(run::Loop& loop, run::Fd listening, Takers takers)
    : loop_(loop),
      fd_(std::move(listening)),
      takers_(std::move(takers)),
      reap_(loop, [this] { connections_.remove_if([](const auto& one) { return one->ended; }); }),
      poll_(loop, fd_.get(), [this](int) { accept(); }) {
    poll_.start(UV_READABLE);
}

NotifyStreams::~NotifyStreams() = default;

void NotifyStreams::accept() {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    run::Fd fd(accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                       SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    const auto from = net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address));
    if (connections_.size() >= kMost || !takers_.welcome(from)) return;
    connections_.emplace_back();
    auto& place = connections_.back();
    const auto at = std::prev(connections_.end());
    place = std::make_unique<Connection>(
        loop_, std::move(fd), from, [this, at] { read(**at); }, [this, at] { end(**at); });
}

void NotifyStreams::end(Connection& connection) {
    connection.ended = true;
    connection.poll.stop();
    connection.time.stop();
    reap_.start(Milliseconds(0));
}

void NotifyStreams::read(Connection& connection) {
    std::array<uint8_t, kMostBytes + 2> space;
    const auto size = recv(connection.fd.get(), space.data(), space.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return end(connection);
    connection.pending.insert(connection.pending.end(), space.begin(), space.begin() + size);
    if (!take_messages(connection)) end(connection);
}

/// False: the connection is to end.
bool NotifyStreams::take_messages(Connection& connection) {
    auto& pending = connection.pending;
    while (pending.size() >= 2) {
        const size_t size = static_cast<size_t>(pending[0]) << 8 | pending[1];
        if (size > kMostBytes) return false;
        if (pending.size() < size + 2) return true;
        auto answer = takers_.answer(dns::Bytes(pending).subspan(2, size), connection.from);
        if (answer.empty()) return false;
        const std::array<uint8_t, 2> length = {static_cast<uint8_t>(answer.size() >> 8),
                                               static_cast<uint8_t>(answer.size())};
        answer.insert(answer.begin(), length.begin(), length.end());
        const auto sent = send(connection.fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(answer.size())) return false;  // who does not read
        pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(size + 2));
    }
    return true;
}

}  // namespace ipref::agent

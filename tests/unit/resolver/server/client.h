// SPDX-License-Identifier: GPL-2.0-or-later
// Clients of a server that runs in the test's own loop, on loopback.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "resolver/server/socket.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

namespace ipref::test {

using resolver::Fd;
using resolver::SocketKind;

/// A port of loopback that is free for UDP and TCP now.
inline uint16_t free_port() {
    for (uint32_t port = 20000 + static_cast<uint32_t>(getpid()) % 20000; port < 65000; port++) {
        const net::Endpoint at{*net::Ip::parse("127.0.0.1"), static_cast<uint16_t>(port)};
        if (resolver::bind_socket(SocketKind::udp, at, resolver::Sharing::with_ours) &&
            resolver::bind_socket(SocketKind::tcp, at, resolver::Sharing::with_ours)) {
            return at.port;
        }
    }
    throw std::runtime_error("no free port");
}

/// A blocking client's socket whose answers are waited for with the server's loop running.
struct Client {
    run::Loop& loop;
    Fd fd;

    Client(run::Loop& the_loop, int type, uint16_t port)
        : loop(the_loop), fd(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_storage to{};
        const auto size = net::Endpoint{*net::Ip::parse("127.0.0.1"), port}.to(to);
        REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) == 0);
    }
    void send(const Message& bytes) const {
        REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// What comes next; empty at the end of the stream.
    Message receive(size_t count = 65535) const {
        Message out(count);
        ssize_t got = -1;
        run::Poll poll(loop, fd.get(), [](int) {});  // answers may come from other threads
        poll.start(UV_READABLE);
        run_until(loop, [&] {
            got = recv(fd.get(), out.data(), out.size(), MSG_DONTWAIT);
            return got >= 0;
        });
        out.resize(static_cast<size_t>(got));
        return out;
    }
    Message receive_all(size_t count) const {
        Message out;
        while (out.size() < count) {
            const auto more = receive(count - out.size());
            if (more.empty()) break;
            out.insert(out.end(), more.begin(), more.end());
        }
        return out;
    }
    /// A message with its length in front.
    Message receive_framed() const {
        const auto length = receive_all(2);
        if (length.size() < 2) return {};
        return receive_all(static_cast<size_t>(length[0]) << 8 | length[1]);
    }
};

inline Message framed(const Message& message) {
    Message out = {static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

}  // namespace ipref::test

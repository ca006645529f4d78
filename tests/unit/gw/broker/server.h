// SPDX-License-Identifier: GPL-2.0-or-later
// A broker on a socket of its own, and clients that send bytes, all in the test's one loop.
#pragma once

#include <mapper.pb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../mapping/fixture.h"
#include "common/wire/mapper_frame.h"
#include "gw/broker/broker.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

namespace ipref::gw {

using Bytes = std::vector<uint8_t>;

/// "11 47 91 4e ..." with or without blanks.
inline Bytes hex(std::string_view text) {
    Bytes bytes;
    std::string digits;
    for (const char c : text) {
        if (c != ' ' && c != '\n') digits += c;
    }
    for (size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

inline std::string hex(const Bytes& bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

struct Directory : test::TemporaryDirectory {
    std::string socket() const { return file("run/mapper.sock"); }
};

struct Server : Site {
    explicit Server(BrokerOptions wanted = {}, BrokerSources sources = {}, bool stored = false) {
        wanted.socket_path = directory.socket();
        if (stored) store = std::move(Store::open(loop, directory.path(), table, clock).value());
        auto opened = Broker::open(loop, wanted, table, store.get(), std::move(sources));
        if (!opened) FAIL(opened.error().text);
        broker = std::move(*opened);
    }
    /// Runs the loop until `condition` holds; false after far too long.
    bool until(const std::function<bool()>& condition) {
        for (int i = 0; i < 20'000 && !condition(); i++) {
            run::Timer wake(loop, [this] { loop.stop(); });
            wake.start(run::Milliseconds(1));
            loop.run();
        }
        return condition();
    }

    Directory directory;
    run::Loop loop;
    std::unique_ptr<Store> store;
    std::unique_ptr<Broker> broker;
};

struct Peer {
    explicit Peer(Server& to) : server(to), fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, server.directory.socket().c_str());
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            FAIL(std::strerror(errno));
        }
    }
    ~Peer() { close(fd); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void send(const Bytes& bytes) const {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(bytes.size())) FAIL(std::strerror(errno));
    }
    void send(proto::Frame frame) const { send(wire::build_frame(std::move(frame)).value()); }
    /// The next record; empty if the connection has ended.
    Bytes receive() const {
        const auto arrived = [this] {
            pollfd one{fd, POLLIN, 0};
            return poll(&one, 1, 0) == 1;
        };
        if (!server.until(arrived)) FAIL("no answer");
        Bytes bytes(wire::kFrameLimit);
        bytes.resize(
            static_cast<size_t>(std::max<ssize_t>(0, recv(fd, bytes.data(), bytes.size(), 0))));
        return bytes;
    }
    proto::Frame receive_frame() const { return wire::parse_frame(receive()).value(); }
    std::string ask(std::string_view record) const {
        send(hex(record));
        return hex(receive());
    }
    proto::Frame ask(proto::Frame frame) const {
        send(std::move(frame));
        return receive_frame();
    }

    Server& server;
    int fd;
};

inline proto::Frame frame_with_id(uint64_t id) {
    proto::Frame frame;
    frame.set_id(id);
    return frame;
}

inline proto::Frame get_frame(uint64_t id, const std::vector<net::IpRef>& iprefs) {
    auto frame = frame_with_id(id);
    frame.mutable_get_encoded_addresses();
    for (const auto& ipref : iprefs) {
        auto* query = frame.mutable_get_encoded_addresses()->add_queries();
        wire::put_ipref(ipref, *query->mutable_ipref());
    }
    return frame;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway's end of a mapper socket for tests: on the same loop as the client, its answers are
// what the test says.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/run/loop.h"
#include "common/wire/mapper_frame.h"
#include "common/wire/mapper_v1.h"

namespace ipref::test {

class ScriptedMapper {
  public:
    using Script = std::function<void(ScriptedMapper&, const std::vector<uint8_t>&)>;

    ScriptedMapper(run::Loop& loop, std::string path, Script script)
        : loop_(loop), path_(std::move(path)), script_(std::move(script)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener_, 8) != 0) {
            throw std::runtime_error(path_ + ": " + std::strerror(errno));
        }
        accept_ = std::make_unique<run::Poll>(loop, listener_, [this](int) { accept_one(); });
        accept_->start(UV_READABLE);
    }
    ~ScriptedMapper() {
        hang_up();
        accept_.reset();
        close(listener_);
        unlink(path_.c_str());
    }

    /// Closes the client's connection, from within the script too.
    void hang_up() {
        if (client_ < 0) return;
        poll_->stop();
        close(client_);
        client_ = -1;
    }
    void pause() { poll_->stop(); }
    void resume() { poll_->start(UV_READABLE); }

    void send(const std::vector<uint8_t>& record) {
        if (::send(client_, record.data(), record.size(), MSG_NOSIGNAL) < 0) {
            throw std::runtime_error(std::string("test server: ") + std::strerror(errno));
        }
    }
    void send(const proto::Frame& frame) { send(wire::build_frame(frame).value()); }

    int connections = 0;
    std::vector<std::vector<uint8_t>> records;  ///< all that came

  private:
    void accept_one() {
        hang_up();
        client_ = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client_ < 0) return;
        connections++;
        poll_ = std::make_unique<run::Poll>(loop_, client_, [this](int) { read(); });
        poll_->start(UV_READABLE);
    }

    void read() {
        std::vector<uint8_t> record(wire::kFrameLimit);
        const auto got = recv(client_, record.data(), record.size(), 0);
        if (got <= 0) return hang_up();
        record.resize(static_cast<size_t>(got));
        records.push_back(record);
        script_(*this, record);
    }

    run::Loop& loop_;
    std::string path_;
    Script script_;
    int listener_ = -1;
    int client_ = -1;
    std::unique_ptr<run::Poll> accept_;
    std::unique_ptr<run::Poll> poll_;
};

/// A script that answers hello and gives the other frames to `next`.
inline ScriptedMapper::Script speaks_protobuf(
    std::function<void(ScriptedMapper&, const proto::Frame&)> next) {
    return [next = std::move(next)](ScriptedMapper& server, const std::vector<uint8_t>& record) {
        const auto frame = wire::parse_frame(record).value();
        if (!frame.has_hello()) return next(server, frame);
        proto::Frame answer;
        answer.set_id(frame.id());
        answer.mutable_hello()->set_program("ipref-gw");
        answer.mutable_hello()->set_release("1.2.3");
        auto& site = *answer.mutable_hello()->add_sites();
        site.set_encode_net(std::string("\x0a\xf0\0\0", 4));
        site.set_encode_net_bits(12);
        site.set_gateway_pub(std::string("\xcb\0\x71\x01", 4));
        server.send(answer);
    };
}

/// A script that leaves protobuf unanswered and gives V1 packets to `next`.
inline ScriptedMapper::Script speaks_v1(
    std::function<void(ScriptedMapper&, const wire::V1Packet&)> next) {
    return [next = std::move(next)](ScriptedMapper& server, const std::vector<uint8_t>& record) {
        if (wire::record_kind(record) == wire::RecordKind::protobuf) return;
        next(server, wire::parse_v1(record).value());
    };
}

}  // namespace ipref::test

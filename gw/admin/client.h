// SPDX-License-Identifier: GPL-2.0-or-later
// A blocking client of the mapper socket, for commands: one connection, one request at a time, and
// a limit to how long a gateway may think. Every error says who listens there and what to do.
#pragma once

#include <mapper.pb.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/run/fd.h"
#include "common/wire/cursor.h"
#include "gw/admin/answer.h"

namespace ipref::gw::admin {

using Milliseconds = std::chrono::milliseconds;

/// How long a gateway that runs may take for one answer.
constexpr Milliseconds kAnswerTime{5000};

class Client {
  public:
    /// Connects and says hello. A gateway that speaks V1 only is told from one that is frozen.
    static Answer<Client> connect(const std::string& path, Milliseconds patience = kAnswerTime);

    /// Sends a request and waits for its answer; a Failure comes back as Trouble.
    Answer<proto::Frame> ask(proto::Frame request);
    /// The next frame that answers the request sent last, for requests that have many. Nothing if
    /// none has come in `patience`, or a signal has come.
    Answer<std::optional<proto::Frame>> next(Milliseconds patience);

    const proto::Hello& gateway() const { return hello_; }

  private:
    Client(std::string path, run::Fd fd, Milliseconds patience)
        : path_(std::move(path)), fd_(std::move(fd)), patience_(patience) {}

    Answer<void> greet();
    Trouble silent();
    Answer<void> send(wire::Bytes record);
    /// The next record; empty after `patience` without one.
    Answer<wire::Bytes> receive(Milliseconds patience);
    Trouble gone(const std::string& what) const;

    std::string path_;
    run::Fd fd_;
    Milliseconds patience_;
    uint64_t id_ = 0;
    std::string buffer_;
    proto::Hello hello_;
};

/// One request to the gateway behind the mapper socket at `path`, and its answer.
Answer<proto::Frame> ask_once(const std::string& path, proto::Frame request);
/// How the gateway is, as `ipref-gw status` says.
Answer<proto::Status> ask_status(const std::string& path);
/// All its peers, by address; its -max-remote-gateways bounds how many.
Answer<std::vector<proto::Peers::Peer>> ask_peers(const std::string& path);

}  // namespace ipref::gw::admin

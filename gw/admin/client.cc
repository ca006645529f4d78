// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <tuple>
#include <utility>

#include "common/run/version.h"
#include "common/wire/mapper_frame.h"
#include "common/wire/mapper_v1.h"

namespace ipref::gw::admin {

namespace {

constexpr uint32_t kPeersPage = 500;
using Clock = std::chrono::steady_clock;

constexpr Milliseconds kHelloTime{2000};

/// What `/proc/PID/stat` tells: "(name) S ...".
struct Listener {
    pid_t pid = 0;
    std::string name = "a process";
    bool stopped = false;

    std::string str() const { return fmt::format("{} (process {})", name, pid); }
};

std::optional<Listener> listener_of(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return {};
    Listener found{.pid = peer.pid};
    std::ifstream file(fmt::format("/proc/{}/stat", peer.pid));
    std::string line;
    std::getline(file, line);
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) return found;
    found.name = line.substr(open + 1, close - open - 1);
    found.stopped = close + 2 < line.size() && (line[close + 2] == 'T' || line[close + 2] == 't');
    return found;
}

constexpr const char* kRemedy = "start it, or name its own with -mapper-socket";

bool is_socket(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

std::string why_no_connection(const std::string& path, int error) {
    switch (error) {
        case ENOENT:
            return fmt::format(
                "no gateway runs with the mapper socket {}: there is no such file; {}", path,
                kRemedy);
        case ECONNREFUSED:
            if (!is_socket(path)) return fmt::format("{} is no socket; {}", path, kRemedy);
            return fmt::format(
                "no gateway runs with the mapper socket {}: what an ended one has left is there; "
                "{}",
                path, kRemedy);
        case EACCES:
        case EPERM:
            return fmt::format("{}: {}; be root or in the socket's group", path, strerror(error));
        case EPROTOTYPE:
            return fmt::format("{} is a socket of another kind, not a mapper's", path);
        default:
            return fmt::format("{}: {}", path, strerror(error));
    }
}

}  // namespace

Answer<Client> Client::connect(const std::string& path, Milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return trouble(exit_usage, "-mapper-socket: \"{}\" is not the path of a socket", path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    // Non-blocking: a gateway that is frozen takes no connections once its backlog is full.
    run::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return trouble(exit_failed, "socket: {}", strerror(errno));
    const auto until = Clock::now() + patience;
    while (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EAGAIN && Clock::now() < until) {
            ::poll(nullptr, 0, 50);  // unix(7): nothing tells when there is room again
            continue;
        }
        if (errno == EAGAIN) {
            return trouble(exit_no_gateway, "the gateway at {} takes no connections: it is frozen",
                           path);
        }
        return trouble(exit_no_gateway, "{}", why_no_connection(path, errno));
    }
    Client client(path, std::move(fd), patience);
    if (auto greeted = client.greet(); !greeted) return tl::unexpected(greeted.error());
    return client;
}

Answer<void> Client::greet() {
    proto::Frame hello;
    hello.mutable_hello()->set_program("ipref-gw command");
    hello.mutable_hello()->set_release(run::kRelease);
    // It takes no work to answer this.
    const auto patience = std::exchange(patience_, std::min(patience_, kHelloTime));
    auto answer = ask(std::move(hello));
    patience_ = patience;
    if (!answer) return tl::unexpected(answer.error());
    hello_ = answer->hello();
    return {};
}

/// Nothing has answered: a V1 request that changes nothing shows who listens.
Trouble Client::silent() {
    const auto listener = listener_of(fd_.get());
    const std::string who = listener ? listener->str() : "the gateway";
    if (listener && listener->stopped) {
        return {exit_no_gateway, fmt::format("{} at {} is stopped; go on with: kill -CONT {}", who,
                                             path_, listener->pid)};
    }
    const wire::V1HostDataHash unknown{0, 0, "ipref-gw", "command.invalid"};
    const auto probe = wire::build_v1({wire::V1Mode::request, 1, wire::V1Layout{}, unknown});
    if (probe && send(*probe)) {
        const auto record = receive(std::min(patience_, Milliseconds(1000)));
        if (record && wire::record_kind(*record) == wire::RecordKind::v1) {
            return {exit_no_gateway,
                    fmt::format("{} at {} is a gateway that speaks V1 only and knows no commands; "
                                "its log and counters are all there is",
                                who, path_)};
        }
    }
    return {exit_no_gateway,
            fmt::format("{} at {} does not answer: it is frozen or very busy; see its log", who,
                        path_)};
}

Trouble Client::gone(const std::string& what) const {
    return {exit_no_gateway, fmt::format("the gateway at {} {}", path_, what)};
}

Answer<void> Client::send(wire::Bytes record) {
    const auto until = Clock::now() + patience_;
    while (::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return tl::unexpected(gone("has closed the connection"));
        if (Clock::now() >= until) return tl::unexpected(gone("takes no requests: it is frozen"));
        pollfd one{fd_.get(), POLLOUT, 0};
        ::poll(&one, 1, 100);
    }
    return {};
}

Answer<wire::Bytes> Client::receive(Milliseconds patience) {
    pollfd one{fd_.get(), POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(patience.count())) <= 0) return wire::Bytes{};
    buffer_.resize(wire::kFrameLimit);
    const ssize_t got = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return wire::Bytes{};
    if (got <= 0) {
        return tl::unexpected(
            gone("has closed the connection: it has ended, or as many clients "
                 "as it takes are there"));
    }
    return wire::Bytes(reinterpret_cast<const uint8_t*>(buffer_.data()), static_cast<size_t>(got));
}

Answer<std::optional<proto::Frame>> Client::next(Milliseconds patience) {
    const auto until = Clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now());
        const auto record = receive(std::max(left, Milliseconds(0)));
        if (!record) return tl::unexpected(record.error());
        if (record->empty()) return std::nullopt;
        auto frame = wire::parse_frame(*record);
        if (!frame) return tl::unexpected(gone("sends what is no frame: " + frame.error().text));
        if (frame->id() != id_) continue;  // a push
        if (!frame->has_failure()) return std::optional(std::move(*frame));
        return trouble(exit_failed, "the gateway at {} refuses: {}", path_,
                       frame->failure().text());
    }
}

Answer<proto::Frame> Client::ask(proto::Frame request) {
    request.set_id(++id_);
    const auto record = wire::build_frame(std::move(request));
    if (!record) return trouble(exit_failed, "{}", record.error().text);
    if (auto sent = send(*record); !sent) return tl::unexpected(sent.error());
    const auto until = Clock::now() + patience_;
    do {  // again after a signal
        const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now());
        auto frame = next(std::max(left, Milliseconds(0)));
        if (!frame) return tl::unexpected(frame.error());
        if (*frame) return std::move(**frame);
    } while (Clock::now() < until);
    return tl::unexpected(silent());
}

Answer<proto::Frame> ask_once(const std::string& path, proto::Frame request) {
    auto client = Client::connect(path);
    if (!client) return tl::unexpected(client.error());
    return client->ask(std::move(request));
}

Answer<proto::Status> ask_status(const std::string& path) {
    proto::Frame request;
    request.mutable_status_request();
    auto answer = ask_once(path, std::move(request));
    if (!answer) return tl::unexpected(answer.error());
    return std::move(*answer->mutable_status());
}

Answer<std::vector<proto::Peers::Peer>> ask_peers(const std::string& path) {
    auto client = Client::connect(path);
    if (!client) return tl::unexpected(client.error());
    std::vector<proto::Peers::Peer> all;
    uint64_t cursor = 0;
    do {
        proto::Frame request;
        request.mutable_peers_request()->set_cursor(cursor);
        request.mutable_peers_request()->set_limit(kPeersPage);
        const auto answer = client->ask(std::move(request));
        if (!answer) return tl::unexpected(answer.error());
        all.insert(all.end(), answer->peers().peers().begin(), answer->peers().peers().end());
        cursor = answer->peers().next();
    } while (cursor != 0);
    const auto key = [](const proto::Peers::Peer& peer) {
        return std::tuple(peer.ip().size(), std::string_view(peer.ip()));
    };
    std::ranges::sort(all, {}, key);
    return all;
}

}  // namespace ipref::gw::admin

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/broker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "common/run/log.h"
#include "gw/broker/connection.h"
#include "gw/broker/listen.h"
#include "gw/broker/session.h"

namespace ipref::gw {

namespace {

constexpr run::Milliseconds kAcceptAgain{100};  // after descriptors have run out
constexpr size_t kMostNamed = 10'000;           // dropped mappings; with more, "all"

}  // namespace

class Broker::Impl {
  public:
    Impl(run::Loop& loop, BrokerOptions options, Table& table, Store* store, BrokerSources sources,
         ListeningSocket socket)
        : loop_(loop),
          options_(std::move(options)),
          sources_(std::move(sources)),
          table_(table),
          store_(store),
          context_{table, options_, sources_, [this] { return clients_.size(); },
                   [this] { return store_ == nullptr ? std::string() : store_->problem(); }},
          socket_(std::move(socket)),
          poll_(loop, socket_.fd(), [this](int) { accept_all(); }),
          accept_again_(loop, [this] { poll_.start(UV_READABLE); }) {
        poll_.start(UV_READABLE);
        table_.on_dropped([this](const auto& dropped) { push(dropped); });
    }
    ~Impl() {
        table_.on_dropped(nullptr);
        poll_.stop();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    size_t clients() const { return clients_.size(); }

  private:
    /// One client. Held by the map, weakly by answers that wait for the disk.
    struct Client {
        uint64_t number = 0;
        std::string name;  ///< for the log: number, process and user
        Session session;
        std::unique_ptr<ServerConnection> connection;
        size_t waiting = 0;  ///< answers that wait for the disk
    };

    void accept_all() {
        for (;;) {
            const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                admit(fd);
                continue;
            }
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno != EAGAIN) {
                warn(fmt::format("no connection can be taken: {}", std::strerror(errno)));
                poll_.stop();
                accept_again_.start(kAcceptAgain);
            }
            return;
        }
    }

    void admit(int fd) {
        if (clients_.size() >= options_.clients) {
            close(fd);
            return warn(
                fmt::format("a connection was refused: {} are open already", clients_.size()));
        }
        const uint64_t number = ++last_client_;
        auto client = std::make_shared<Client>(
            Client{number, name_of(number, fd), Session(context_), nullptr, 0});
        Client* raw = client.get();
        client->connection = std::make_unique<ServerConnection>(
            loop_, fd, options_.queue_bytes,
            ServerConnection::Events{
                .record = [this, raw](wire::Bytes record) { take(*raw, record); },
                .malformed = [this, raw](const std::string& why) { malformed(*raw, why); },
                .ended = [this, number](const std::string& why) { drop(number, why); }});
        run::log_debug(run::Topic::mapper, "MAPPER {} has connected", client->name);
        clients_.emplace(number, std::move(client));
    }

    static std::string name_of(uint64_t number, int fd) {
        ucred peer{};
        socklen_t size = sizeof(peer);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
            return fmt::format("client {}", number);
        }
        return fmt::format("client {} (process {}, user {})", number, peer.pid, peer.uid);
    }

    void drop(uint64_t number, const std::string& why) {
        const auto found = clients_.find(number);
        if (found == clients_.end()) return;
        run::log_debug(run::Topic::mapper, "MAPPER {} has gone: {}", found->second->name, why);
        clients_.erase(found);
    }

    void take(Client& client, wire::Bytes record) {
        Reply reply = client.session.take(record);
        if (!reply.malformed.empty()) malformed(client, reply.malformed);
        if (reply.record.empty()) return;
        if (!reply.durable || store_ == nullptr) {
            return client.connection->send(std::move(reply.record));
        }
        client.waiting++;
        const std::weak_ptr<Client> weak = clients_.at(client.number);
        store_->when_durable([this, weak, reply = std::move(reply)](const Result<void>& stored) {
            const auto held = weak.lock();
            if (!held) return;
            held->waiting--;
            held->connection->send(stored ? reply.record : reply.refused(stored.error().text));
            held->connection->pause(held->waiting >= options_.in_flight);
        });
        client.connection->pause(client.waiting >= options_.in_flight);
    }

    void malformed(const Client& client, const std::string& why) {
        warn(fmt::format("{}: {}; dropped", client.name, why));
    }

    /// At most so many lines, whatever clients do.
    void warn(const std::string& text) {
        uint64_t suppressed = 0;
        if (!limit_.allow(std::chrono::steady_clock::time_point(loop_.now()), suppressed)) return;
        if (suppressed > 0) run::log_warning("MAPPER {} more such lines before", suppressed);
        run::log_warning("MAPPER {}", text);
    }

    void push(const std::vector<net::IpRef>& dropped) {
        const bool all = dropped.size() > kMostNamed;
        for (size_t at = 0; at < dropped.size(); at += wire::kFrameItems) {
            proto::Frame frame;
            frame.mutable_mappings_changed()->set_all(all);
            const size_t end = std::min<size_t>(dropped.size(), at + wire::kFrameItems);
            for (size_t i = at; i < end && !all; i++) {
                wire::put_ipref(dropped[i], *frame.mutable_mappings_changed()->add_dropped());
            }
            const auto record = wire::build_frame(std::move(frame));
            if (!record) return;  // 1,000 addresses fit
            for (const auto& [number, client] : clients_) {
                if (client->session.greeted()) client->connection->send(*record);
            }
            if (all) return;
        }
    }

    run::Loop& loop_;
    const BrokerOptions options_;
    const BrokerSources sources_;
    Table& table_;
    Store* store_;
    const SessionContext context_;
    run::LogLimit limit_;
    uint64_t last_client_ = 0;
    std::map<uint64_t, std::shared_ptr<Client>> clients_;
    ListeningSocket socket_;
    run::Poll poll_;
    run::Timer accept_again_;
};

Result<std::unique_ptr<Broker>> Broker::open(run::Loop& loop, BrokerOptions options, Table& table,
                                             Store* store, BrokerSources sources) {
    auto socket = ListeningSocket::open(options.socket_path);
    if (!socket) return tl::unexpected(socket.error());
    return std::unique_ptr<Broker>(new Broker(std::make_unique<Impl>(
        loop, std::move(options), table, store, std::move(sources), std::move(*socket))));
}

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Broker::~Broker() = default;

size_t Broker::clients() const {
    return impl_->clients();
}

}  // namespace ipref::gw

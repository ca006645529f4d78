// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/broker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "common/run/log.h"
#include "gw/broker/clients.h"
#include "gw/broker/connection.h"
#include "gw/broker/listen.h"

namespace ipref::gw {

namespace {

constexpr run::Milliseconds kTraceEvery{50};
constexpr run::Milliseconds kAcceptAgain{100};  // after descriptors have run out

}  // namespace

class Broker::Impl {
  public:
    Impl(run::Loop& loop, BrokerOptions options, Table& table, Store* store, BrokerSources sources,
         ListeningSocket socket)
        : loop_(loop),
          clients_(table, std::move(options), std::move(sources), world(store)),
          socket_(std::move(socket)),
          poll_(loop, socket_.fd(), [this](int) { accept_all(); }),
          accept_again_(loop, [this] { poll_.start(UV_READABLE); }),
          traces_(loop, [this] { tell_traces(); }) {
        poll_.start(UV_READABLE);
    }
    ~Impl() { poll_.stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    size_t clients() const { return clients_.count(); }
    proto::Status status() const { return clients_.status(); }

  private:
    Clients::World world(Store* store) {
        Clients::World world;
        world.warn = [this](const std::string& what) { warn(what); };
        if (store == nullptr) return world;
        world.when_durable = [store](Committer::Durable callback) {
            store->when_durable(std::move(callback));
        };
        world.problem = [store] { return store->problem(); };
        return world;
    }

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
        if (clients_.count() >= clients_.options().clients) {
            close(fd);
            return warn(
                fmt::format("a connection was refused: {} are open already", clients_.count()));
        }
        ucred peer{};
        socklen_t size = sizeof(peer);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
            close(fd);
            return warn(fmt::format("a connection was refused: {}", std::strerror(errno)));
        }
        size_t& of_user = by_user_[peer.uid];
        if (of_user >= clients_.options().clients_per_user) {
            close(fd);
            return warn(fmt::format("a connection of process {} was refused: user {} has {} open",
                                    peer.pid, peer.uid, of_user));
        }
        of_user++;
        clients_.join([&](uint64_t number) { return name_of(number, peer); },
                      [&](uint64_t number) { return connection(number, fd, peer.uid); });
    }

    void leave(uint64_t number, uid_t user, const std::string& why) {
        const auto found = by_user_.find(user);
        if (found != by_user_.end() && --found->second == 0) by_user_.erase(found);
        clients_.leave(number, why);
    }

    std::unique_ptr<Outlet> connection(uint64_t number, int fd, uid_t user) {
        const auto& options = clients_.options();
        return std::make_unique<ServerConnection>(
            loop_, fd,
            ServerConnection::Limits{options.queue_bytes, options.records_per_second,
                                     options.bytes_per_second},
            ServerConnection::Events{
                .record = [this, number](wire::Bytes record) { take(number, record); },
                .malformed = [this,
                              number](const std::string& why) { clients_.malformed(number, why); },
                .ended = [this, number,
                          user](const std::string& why) { leave(number, user, why); }});
    }

    void take(uint64_t number, wire::Bytes record) {
        clients_.take(number, record);
        if (clients_.traced() && !traces_.active()) traces_.start(kTraceEvery, kTraceEvery);
    }

    void tell_traces() {
        clients_.tell_traces();
        if (!clients_.traced()) traces_.stop();
    }

    std::string name_of(uint64_t number, const ucred& peer) {
        auto name = fmt::format("client {} (process {}, user {}, group {})", number, peer.pid,
                                peer.uid, peer.gid);
        uint64_t suppressed = 0;
        const std::chrono::steady_clock::time_point now(loop_.now());
        if (arrivals_.allow(now, suppressed)) {
            if (suppressed > 0) run::log_info("MAPPER {} more connections before", suppressed);
            run::log_info("MAPPER {} has connected", name);
        }
        return name;
    }

    /// At most so many lines, whatever clients do.
    void warn(const std::string& text) {
        uint64_t suppressed = 0;
        if (!limit_.allow(std::chrono::steady_clock::time_point(loop_.now()), suppressed)) return;
        if (suppressed > 0) run::log_warning("MAPPER {} more such lines before", suppressed);
        run::log_warning("MAPPER {}", text);
    }

    run::Loop& loop_;
    run::LogLimit limit_;
    run::LogLimit arrivals_;
    std::map<uid_t, size_t> by_user_;  ///< connections
    Clients clients_;
    ListeningSocket socket_;
    run::Poll poll_;
    run::Timer accept_again_;
    run::Timer traces_;
};

Result<std::unique_ptr<Broker>> Broker::open(run::Loop& loop, BrokerOptions options, Table& table,
                                             Store* store, BrokerSources sources,
                                             run::Fd listening) {
    auto socket = listening ? ListeningSocket::adopt(std::move(listening), options.socket_path)
                            : ListeningSocket::open(options.socket_path);
    if (!socket) return tl::unexpected(socket.error());
    return std::unique_ptr<Broker>(new Broker(std::make_unique<Impl>(
        loop, std::move(options), table, store, std::move(sources), std::move(*socket))));
}

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Broker::~Broker() = default;

size_t Broker::clients() const {
    return impl_->clients();
}

proto::Status Broker::status() const {
    return impl_->status();
}

}  // namespace ipref::gw

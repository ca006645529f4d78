// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/server.h"

#include <algorithm>
#include <utility>

#include "common/run/log.h"

namespace ipref::resolver {

namespace {

/// How long a worker that a reload leaves without work may take over its last answers.
constexpr run::Milliseconds kPatience(5000);

/// Those of the configuration that this machine can have, all addresses of a port before single
/// ones.
std::vector<ListenAddress> addresses_of(const Config& config) {
    std::vector<ListenAddress> out;
    for (const auto& [address, routes] : config.listeners) {
        if (address.at.ip.is_zero() && !family_works(address.at.ip.family())) continue;
        out.push_back(address);
    }
    std::stable_partition(out.begin(), out.end(),
                          [](const ListenAddress& address) { return address.at.ip.is_zero(); });
    return out;
}

}  // namespace

void Server::Member::call(const std::function<void()>& what) const {
    thread == nullptr ? what() : thread->call(what);
}

Server::Server(run::Loop& loop, std::function<Result<void>()> bound)
    : loop_(loop), bound_(std::move(bound)), wake_(loop, [this] { one_stopped(); }) {
    wake_.keep_alive(false);
}

Server::~Server() {
    for (auto* members : {&workers_, &leaving_}) {
        for (auto& one : *members) end(*one);
    }
}

const Config* Server::config() const {
    return config_.get();
}

Result<BoundSockets> Server::bind(const ListenAddress& address, bool alone) const {
    const auto sharing = alone ? Sharing::with_ours : Sharing::with_anybody;
    BoundSockets out;
    out.address = address;
    const auto get = [&](SocketKind kind, Fd& to) -> Result<void> {
        auto fd = inherited_.find(kind, address.at);
        if (fd && !*fd) fd = bind_socket(kind, address.at, sharing);
        if (!fd) return tl::unexpected(fd.error());
        to = std::move(*fd);
        return {};
    };
    out.inherited = inherited_.has(address.at);
    if (address.transport == "dns") {
        if (auto done = get(SocketKind::udp, out.udp); !done) return tl::unexpected(done.error());
    }
    if (auto done = get(SocketKind::tcp, out.tcp); !done) return tl::unexpected(done.error());
    return out;
}

/// What each worker has to listen on and does not yet. The first socket of a port is bound alone,
/// which fails if another process is there.
Result<std::vector<std::vector<BoundSockets>>> Server::bind_new(const Config& config,
                                                                size_t workers) const {
    std::set<ListenAddress> ours;
    for (const auto& one : workers_) ours.insert(one->addresses.begin(), one->addresses.end());
    std::vector<std::vector<BoundSockets>> out(workers);
    for (const auto& address : addresses_of(config)) {
        for (size_t i = 0; i < workers; i++) {
            if (i < workers_.size() && workers_[i]->addresses.contains(address)) continue;
            const bool first = std::none_of(ours.begin(), ours.end(), [&](const auto& have) {
                return have.at.port == address.at.port &&
                       have.at.ip.family() == address.at.ip.family() &&
                       (have == address || have.at.ip.is_zero() || address.at.ip.is_zero());
            });
            auto bound = bind(address, first);
            if (!bound) return tl::unexpected(bound.error());
            ours.insert(address);
            out[i].push_back(std::move(*bound));
        }
    }
    return out;
}

std::unique_ptr<Server::Member> Server::member(unsigned index) {
    auto made = std::make_unique<Member>();
    if (index > 0) made->thread = std::make_unique<WorkerThread>(fmt::format("dns-{}", index));
    made->call([&] {
        auto& loop = made->thread == nullptr ? loop_ : made->thread->loop();
        made->server = std::make_unique<WorkerServer>(loop, index, connections_);
    });
    return made;
}

void Server::end(Member& member) {
    member.call([&] { member.server.reset(); });
    member.thread.reset();
}

Result<void> Server::use(const std::shared_ptr<Config>& config) {
    const size_t wanted = std::max<size_t>(config->workers, 1);
    auto sockets = bind_new(*config, wanted);
    if (!sockets) return tl::unexpected(sockets.error());
    if (sockets->front().empty() && (workers_.empty() || workers_.front()->addresses.empty())) {
        return fail("no address to listen on");
    }
    if (bound_) {
        if (auto done = bound_(); !done) return done;
    }
    const size_t before = workers_.size();
    while (workers_.size() < wanted) {
        workers_.push_back(member(static_cast<unsigned>(workers_.size())));
    }
    for (size_t i = 0; i < wanted; i++) {
        auto& worker = *workers_[i];
        Result<void> prepared;
        worker.call([&] { prepared = worker.server->prepare(config, std::move((*sockets)[i])); });
        if (prepared) continue;
        for (size_t k = 0; k < i; k++) workers_[k]->call([&] { workers_[k]->server->abandon(); });
        for (size_t k = before; k < workers_.size(); k++) end(*workers_[k]);
        workers_.resize(before);
        return prepared;
    }
    for (size_t i = 0; i < wanted; i++) {
        auto& worker = *workers_[i];
        worker.call([&] { worker.server->commit(); });
        const auto addresses = addresses_of(*config);
        worker.addresses = {addresses.begin(), addresses.end()};
    }
    config_ = config;
    Members rest;
    for (size_t i = wanted; i < workers_.size(); i++) rest.push_back(std::move(workers_[i]));
    workers_.resize(std::min(workers_.size(), wanted));
    dismiss(std::move(rest), kPatience);
    return {};
}

bool Server::all_alive() {
    bool all = true;
    for (const auto& one : workers_) all &= one->server->heard();
    return all;
}

/// They take no more queries, and go when they have ended those that they have.
void Server::dismiss(Members members, run::Milliseconds patience) {
    for (auto& one : members) {
        auto* leaving = one.get();
        leaving_.push_back(std::move(one));
        leaving->call([&] {
            leaving->server->stop(patience, [this, leaving] {
                leaving->stopped = true;
                wake_.send();
            });
        });
    }
}

void Server::one_stopped() {
    std::erase_if(leaving_, [](const auto& one) {
        if (!one->stopped) return false;
        end(*one);
        return true;
    });
    if (!stopping_ || !leaving_.empty()) return;
    wake_.keep_alive(false);
    config_.reset();
    const auto done = std::exchange(stopped_, nullptr);
    if (done) done();
}

void Server::stop(run::Milliseconds patience, std::function<void()> done) {
    stopping_ = true;
    stopped_ = std::move(done);
    wake_.keep_alive(true);
    dismiss(std::exchange(workers_, {}), patience);
    wake_.send();  // there may be none
}

}  // namespace ipref::resolver

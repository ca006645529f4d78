// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/worker_server.h"

#include <utility>

namespace ipref::resolver {

namespace {

constexpr run::Milliseconds kSweep(50);

/// Who answers what has already arrived at an address that is given up: the blocks that listen on
/// all addresses of its port, if there are any.
const Routes* covering(const Config& config, const ListenAddress& address) {
    const net::Endpoint all{net::Ip::any(address.at.ip.family()), address.at.port};
    const auto found = config.listeners.find({address.transport, all});
    return found == config.listeners.end() ? nullptr : &found->second;
}

}  // namespace

void WorkerServer::Listener::route(const Routes* routes) const {
    if (udp) udp->route(routes);
    tcp->route(routes);
}

void WorkerServer::Listener::retire() const {
    if (udp) udp->retire();
    tcp->retire();
}

WorkerServer::WorkerServer(run::Loop& loop, unsigned index,
                           std::shared_ptr<ConnectionTable> connections)
    : runner_(loop, index),
      connections_(std::move(connections)),
      sweep_(loop, [this] { sweep(); }),
      hear_(loop, [this] { heard_ = true; }) {
    hear_.keep_alive(false);
}

bool WorkerServer::heard() {
    if (!heard_.exchange(false)) return false;
    hear_.send();
    return true;
}

Result<void> WorkerServer::prepare(const std::shared_ptr<Config>& config,
                                   std::vector<BoundSockets> sockets) {
    auto started = runner_.start(config);
    if (!started) return tl::unexpected(started.error());
    prepared_ = std::move(*started);
    sockets_ = std::move(sockets);
    return {};
}

void WorkerServer::abandon() {
    sockets_.clear();
    prepared_.reset();
}

void WorkerServer::open(BoundSockets sockets) {
    const auto& at = sockets.address.at;
    Listener made;
    if (sockets.udp) {
        made.udp =
            std::make_unique<UdpListener>(runner_, std::move(sockets.udp), at, sockets.inherited);
    }
    made.tcp = std::make_unique<TcpListener>(runner_, std::move(sockets.tcp),
                                             sockets.address.transport, connections_, TcpLimits{});
    listeners_.emplace(std::move(sockets.address), std::move(made));
}

void WorkerServer::commit() {
    const Config& config = *prepared_->config;
    runner_.swap(std::exchange(prepared_, nullptr));
    for (auto& sockets : std::exchange(sockets_, {})) open(std::move(sockets));
    for (auto it = listeners_.begin(); it != listeners_.end();) {
        const auto routes = config.listeners.find(it->first);
        if (routes != config.listeners.end()) {
            it->second.route(&routes->second);
            ++it;
            continue;
        }
        it->second.route(covering(config, it->first));
        it->second.retire();
        retired_.push_back(std::move(it->second));
        it = listeners_.erase(it);
    }
    if (!retired_.empty()) sweep_.start(kSweep, kSweep);
}

void WorkerServer::sweep() {
    std::erase_if(retired_, [](const Listener& listener) { return listener.pending() == 0; });
    if (!stopped_) {
        if (retired_.empty()) sweep_.stop();
        return;
    }
    const bool late = std::chrono::steady_clock::now() >= stop_by_;
    if (!late && (runner_.in_flight() > 0 || !retired_.empty())) return;
    runner_.shut_down();
    retired_.clear();  // at once: what they still send would call back to queries that have ended
    sweep_.stop();
    const auto done = std::exchange(stopped_, nullptr);
    done();
}

void WorkerServer::stop(run::Milliseconds patience, std::function<void()> done) {
    for (auto& [address, listener] : listeners_) {
        listener.retire();
        retired_.push_back(std::move(listener));
    }
    listeners_.clear();
    stop_by_ = std::chrono::steady_clock::now() + patience;
    stopped_ = std::move(done);
    sweep_.start(run::Milliseconds(0), kSweep);
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/server.h"

#include <algorithm>

#include "common/run/log.h"

namespace ipref::resolver {

namespace {
constexpr run::Milliseconds kSweep(50);
}

void Server::Listener::route(const Routes* routes) const {
    udp->route(routes);
    tcp->route(routes);
}

void Server::Listener::retire() const {
    udp->retire();
    tcp->retire();
}

Server::Server(run::Loop& loop) : runner_(loop, 0), sweep_(loop, [this] { sweep(); }) {}

Server::~Server() = default;

const Config* Server::config() const {
    return runner_.active() == nullptr ? nullptr : runner_.active()->config.get();
}

bool Server::listens_on_port(uint16_t port) const {
    return std::any_of(listeners_.begin(), listeners_.end(),
                       [&](const auto& entry) { return entry.first.at.port == port; });
}

Result<Server::Listener> Server::open(const net::Endpoint& at) {
    auto udp = bind_socket(SocketKind::udp, at);
    if (!udp) return tl::unexpected(udp.error());
    auto tcp = bind_socket(SocketKind::tcp, at);
    if (!tcp) return tl::unexpected(tcp.error());
    Listener out;
    out.udp = std::make_unique<UdpListener>(runner_, std::move(*udp), at);
    out.tcp = std::make_unique<TcpListener>(runner_, std::move(*tcp), at, TcpLimits{});
    return out;
}

Result<Server::Listeners> Server::open_new(const Config& config) {
    std::vector<ListenAddress> wanted;
    for (const auto& [address, routes] : config.listeners) {
        if (listeners_.contains(address)) continue;
        if (address.at.ip.is_zero() && !family_works(address.at.ip.family())) continue;
        wanted.push_back(address);
    }
    for (const auto& address : wanted) {
        // A second address on a port of our own conflicts with the first one's probe, not with it.
        if (listens_on_port(address.at.port)) continue;
        for (const auto kind : {SocketKind::udp, SocketKind::tcp}) {
            if (auto free = check_free(kind, address.at); !free) {
                return tl::unexpected(free.error());
            }
        }
    }
    Listeners opened;
    for (const auto& address : wanted) {
        auto listener = open(address.at);
        if (!listener) return tl::unexpected(listener.error());
        opened.emplace(address, std::move(*listener));
    }
    return opened;
}

/// Who answers what has already arrived at an address that is given up: the blocks that listen on
/// all addresses of its port, if there are any.
static const Routes* covering(const Config& config, const ListenAddress& address) {
    const net::Endpoint all{net::Ip::any(address.at.ip.family()), address.at.port};
    const auto found = config.listeners.find({address.transport, all});
    return found == config.listeners.end() ? nullptr : &found->second;
}

Result<void> Server::use(const std::shared_ptr<Config>& config) {
    auto opened = open_new(*config);
    if (!opened) return tl::unexpected(opened.error());
    if (opened->empty() && listeners_.empty()) return fail("no address to listen on");
    if (auto started = runner_.use(config); !started) return started;
    listeners_.merge(*opened);
    for (auto it = listeners_.begin(); it != listeners_.end();) {
        const auto routes = config->listeners.find(it->first);
        if (routes != config->listeners.end()) {
            it->second.route(&routes->second);
            ++it;
            continue;
        }
        it->second.route(covering(*config, it->first));
        it->second.retire();
        retired_.push_back(std::move(it->second));
        it = listeners_.erase(it);
    }
    if (!retired_.empty()) sweep_.start(kSweep, kSweep);
    return {};
}

void Server::sweep() {
    std::erase_if(retired_, [](const Listener& listener) { return listener.pending() == 0; });
    if (!stopped_) {
        if (retired_.empty()) sweep_.stop();
        return;
    }
    const bool late = std::chrono::steady_clock::now() >= stop_by_;
    if (!late && (runner_.in_flight() > 0 || !retired_.empty())) return;
    if (late && runner_.active() != nullptr) runner_.active()->stop();
    runner_.let_go();
    sweep_.stop();
    const auto done = std::move(stopped_);
    stopped_ = nullptr;
    done();
}

void Server::stop(run::Milliseconds patience, std::function<void()> done) {
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

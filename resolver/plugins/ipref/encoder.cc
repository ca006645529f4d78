// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/encoder.h"

#include <algorithm>

#include "common/run/log.h"

namespace ipref::resolver::aa {

namespace {

/// Longer than hello and the fallback to V1 take, shorter than a query may wait for the mapper.
constexpr run::Milliseconds kFirstConnect(450);

void log_connected(const mapper::Server& server) {
    const char* protocol = mapper::name_of(server.protocol);
    if (server.note.empty()) {
        run::log_info("plugin/ipref: connected to the mapper, protocol {}", protocol);
    } else {
        run::log_info("plugin/ipref: connected to the mapper, protocol {}: {}", protocol,
                      server.note);
    }
}

}  // namespace

Encoder::Encoder(run::Loop& loop, mapper::ClientOptions options, net::Family ea_family)
    : loop_(loop),
      ea_family_(ea_family),
      send_due_(loop, [this] { send_due(); }),
      patience_(loop, [this] { release_held(); }) {
    mapper::ClientEvents events;
    events.connected = [this](const mapper::Server& server) {
        log_connected(server);
        forget({.all = true, .iprefs = {}});  // a gateway that restarted cannot say what it dropped
        release_held();
    };
    events.lost = [this](const std::string& why) {
        run::log_warning("plugin/ipref: no connection to the mapper: {}; trying again", why);
        release_held();
    };
    events.mappings_changed = [this](const mapper::Dropped& dropped) { forget(dropped); };
    client_ = std::make_unique<mapper::Client>(loop, std::move(options), std::move(events));
    patience_.start(kFirstConnect);
}

Encoder::~Encoder() = default;

void Encoder::encode(const net::IpRef& ipref, const std::string& name, Callback callback) {
    const auto known = known_.find(ipref);
    if (known != known_.end()) {
        if (loop_.now() < known->second.use_until) {
            const auto left = known->second.ends - loop_.now();
            return callback(
                Ea{known->second.ip, std::chrono::duration_cast<std::chrono::seconds>(left)});
        }
        known_.erase(known);
    }
    auto& waiting = in_flight_[ipref];
    waiting.push_back(std::move(callback));
    if (waiting.size() > 1) return;
    if (!settled_ && !client_->connected()) {
        held_.emplace_back(ipref, name);
        return;
    }
    request(ipref, name);
}

void Encoder::request(const net::IpRef& ipref, const std::string& name) {
    due_.push_back({ipref, name, ea_family_});
    if (due_.size() == 1) send_due_.start();
    if (due_.size() == kMostTogether) send_due();
}

void Encoder::send_due() {
    send_due_.stop();
    auto due = std::exchange(due_, {});
    std::vector<net::IpRef> iprefs;
    for (const auto& query : due) iprefs.push_back(query.ipref);
    client_->get_encoded_addresses(std::move(due), [this, iprefs = std::move(iprefs)](
                                                       const std::vector<mapper::Answer>& answers) {
        for (size_t i = 0; i < iprefs.size(); i++) answered(iprefs[i], answers[i]);
    });
}

void Encoder::release_held() {
    settled_ = true;
    patience_.stop();
    for (const auto& [ipref, name] : std::exchange(held_, {})) request(ipref, name);
}

void Encoder::answered(const net::IpRef& ipref, const mapper::Answer& answer) {
    const auto at = in_flight_.find(ipref);
    if (at == in_flight_.end()) return;
    const auto callbacks = std::move(at->second);
    in_flight_.erase(at);
    Outcome outcome = tl::unexpected(mapper::Failure{});
    if (!answer) {
        outcome = tl::unexpected(answer.error());
    } else if (answer->ea.family() != ea_family_) {
        outcome = tl::unexpected(
            mapper::Failure{mapper::Reason::family, "the gateway answered with the other family"});
    } else {
        remember(ipref, *answer);
        outcome = Ea{answer->ea, answer->lifetime};
    }
    for (const auto& callback : callbacks) callback(outcome);
}

/// V1 tells no lifetime, and drops mappings without a word: nothing is remembered then.
void Encoder::remember(const net::IpRef& ipref, const mapper::Encoded& encoded) {
    if (!encoded.lifetime || encoded.lifetime->count() < 2) return;
    if (known_.size() >= kMostRemembered) known_.erase(known_.begin());
    constexpr std::chrono::seconds kDay(86'400);
    const run::Milliseconds lifetime = std::min(*encoded.lifetime, kDay);
    const auto now = loop_.now();
    known_.insert_or_assign(ipref, Known{encoded.ea, now + lifetime / 2, now + lifetime});
}

void Encoder::forget(const mapper::Dropped& dropped) {
    generation_++;
    if (dropped.all) known_.clear();
    for (const auto& ipref : dropped.iprefs) known_.erase(ipref);
}

run::Milliseconds Encoder::holds_until(const net::IpRef& ipref, const net::Ip& ea) const {
    const auto known = known_.find(ipref);
    if (known == known_.end() || known->second.ip != ea) return run::Milliseconds(0);
    return known->second.use_until;
}

bool Encoder::is_encoded(const net::Ip& ip) const {
    const auto* server = client_->server();
    if (server == nullptr) return false;
    return std::any_of(server->sites.begin(), server->sites.end(),
                       [&](const mapper::Site& site) { return site.encode_net.contains(ip); });
}

}  // namespace ipref::resolver::aa

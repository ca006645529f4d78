// SPDX-License-Identifier: GPL-2.0-or-later
// What clients and packets do.
#include <algorithm>
#include <utility>

#include "sim/simulation.h"

namespace ipref::gw::sim {

namespace {

constexpr size_t kMostClients = 6;

/// Where the gateway's answers to a client go.
class SimOutlet : public Outlet {
  public:
    SimOutlet(SimClient& client, SimGateway& gateway) : client_(client), gateway_(gateway) {}
    void send(Record record) override { client_.receive(record, !gateway_.problem().empty()); }
    void pause(bool paused) override { client_.paused = paused; }

  private:
    SimClient& client_;
    SimGateway& gateway_;
};

/// With what it takes the place of: which of the two is held shows in the table.
std::vector<StaticMapping> changed(std::vector<StaticMapping> set, const SetChange& change) {
    for (const auto& mapping : change.remove) std::erase(set, mapping);
    set.insert(set.end(), change.add.begin(), change.add.end());
    return set;
}

}  // namespace

SimClient& Simulation::any_client() {
    auto at = clients_.begin();
    std::advance(at, static_cast<ptrdiff_t>(chance_.below(clients_.size())));
    return *at->second;
}

void Simulation::connect() {
    if (clients_.size() >= kMostClients) return;
    const auto kind =
        chance_.one_in(8) ? Kind::garbage : (chance_.one_in(2) ? Kind::resolver : Kind::agent);
    const auto speech = static_cast<Speech>(chance_.below(3));
    uint64_t number = 0;
    gateway_->clients().join(
        [&](uint64_t given) {
            number = given;
            const SimClient::Around around{world_, model_, ledger_, judge_, chance_};
            clients_[given] = std::make_unique<SimClient>(around, given, kind, speech);
            return clients_[given]->name();
        },
        [&](uint64_t given) {
            return std::make_unique<SimOutlet>(*clients_.at(given), *gateway_);
        });
    clients_[number]->at(clock_->now());
    judge_.note("{} connects", clients_[number]->name());
}

// What it has sent and nobody has read is lost with the connection, also the rest of a set.
void Simulation::disconnect() {
    if (clients_.empty()) return;
    auto at = clients_.begin();
    std::advance(at, static_cast<ptrdiff_t>(chance_.below(clients_.size())));
    judge_.note("{} disconnects, {} records unread", at->second->name(),
                at->second->queue().size());
    gateway_->clients().leave(at->first, "it has gone");
    clients_.erase(at);
    model_.check({});
}

void Simulation::act() {
    if (clients_.empty()) return connect();
    SimClient& client = any_client();
    if (client.queue().size() < 12) client.act();
}

void Simulation::deliver() {
    if (clients_.empty()) return connect();
    auto at = clients_.begin();
    std::advance(at, static_cast<ptrdiff_t>(chance_.below(clients_.size())));
    deliver_from(at->first);
}

bool Simulation::deliver_from(uint64_t number) {
    SimClient& client = *clients_.at(number);
    if (client.paused || client.queue().empty()) return false;
    const Outgoing out = std::move(client.queue().front());
    client.queue().pop_front();
    judge_.note("{}: {}", client.name(), out.what);
    hand_over(number, out);
    return true;
}

Seconds Simulation::confirmed_ago(const std::string& owner) const {
    for (const auto& status : gateway_->table().owners()) {
        if (status.name == owner) return status.confirmed_ago;
    }
    return 0;
}

void Simulation::hand_over(uint64_t number, const Outgoing& out) {
    const Cause cause = cause_of(out);
    const std::string asks = out.asks_hash_of.value_or("");
    if (!asks.empty() && confirmed_ago(asks) == 0) pass(1);
    SimClient& client = *clients_.at(number);
    client.sending(out);
    // The answer may come at once, before the model has seen what the record has changed; so what
    // it tells is judged against the table as it is then.
    for (const auto& theirs : out.asked) model_.used(theirs, out.family);
    gateway_->clients().take(number, out.record);
    model_.check(cause);
    for (const auto& theirs : out.asked) model_.used(theirs, out.family);
    if (!asks.empty() && gateway_->table().hash_of(asks) && confirmed_ago(asks) == 0) {
        model_.confirmed(asks);
        model_.holds(asks, out.believed);
    }
    client.sent(out);
}

// What a record is about to change, by the protocol.
Cause Simulation::cause_of(const Outgoing& out) {
    Cause cause;
    cause.makes = !out.asked.empty();
    if (!out.change) return cause;
    const SetChange& change = *out.change;
    const auto hash = gateway_->table().hash_of(change.owner);
    if (change.withdraws) {
        cause.withdraws = true;
        cause.owner = change.owner;
        return cause;
    }
    if (!change.hash_is_right ||
        (change.difference && !gateway_->table().takes_change(change.owner, change.base))) {
        return cause;
    }
    const bool adds = change.difference || (change.v1 && hash == change.hash);
    cause.owner = change.owner;
    cause.set = adds ? changed(model_.held(change.owner), change) : change.add;
    cause.known_hash = true;
    cause.hash = change.hash;
    return cause;
}

void Simulation::packet_in() {
    const auto& theirs = chance_.of(world_.remotes);
    const auto family = world_.ea_family(chance_);
    const auto known = gateway_->table().known_ea(theirs, family);
    const auto ea = gateway_->table().ea(theirs, family);
    judge_.note("a packet from {}: {}", theirs.str(), ea ? ea->str() : "dropped");
    if (known && ea != known) judge_.broken("{} was {}", theirs.str(), known->str());
    Cause cause;
    cause.makes = true;
    model_.check(cause);
    model_.used(theirs, family);
    if (ea && gateway_->table().theirs(*ea) != theirs) judge_.broken("{} is another", ea->str());
}

void Simulation::packet_out() {
    const auto& host = chance_.of(world_.hosts);
    const auto family = world_.gw_family(chance_);
    const auto known = gateway_->table().known_ours(host, family);
    auto ours = gateway_->table().ours(host, family);
    judge_.note("a packet of {}: {}", host.str(), ours ? ours->str() : "dropped");
    if (known && ours != known) judge_.broken("{} was {}", host.str(), known->str());
    Cause cause;
    cause.makes = true;
    model_.check(cause);
    if (ours) model_.used(host, *ours);
}

}  // namespace ipref::gw::sim

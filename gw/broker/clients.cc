// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/clients.h"

#include <algorithm>
#include <utility>

#include "common/run/log.h"
#include "gw/broker/trace_frames.h"

namespace ipref::gw {

namespace {

constexpr size_t kTraceQueue = 1 << 20;  // bytes that a subscriber may leave unread
constexpr std::string_view kAgent = "ipref-dns-agent";
constexpr size_t kAgentFrame = 64;     // of an agent in a status, around what it says
constexpr size_t kMostNamed = 10'000;  // dropped mappings; with more, "all"

}  // namespace

Clients::Clients(Table& table, BrokerOptions options, BrokerSources sources, World world)
    : options_(std::move(options)),
      sources_(std::move(sources)),
      world_(std::move(world)),
      table_(table),
      context_{table,
               options_,
               sources_,
               [this] { return clients_.size(); },
               [this] { return programs(); },
               [this] { return world_.problem ? world_.problem() : std::string(); },
               [this](proto::Status& status, size_t room) { put_agents(status, room); }} {
    table_.on_dropped([this](const auto& dropped) { push_in_turn(dropped); });
}

Clients::~Clients() {
    table_.on_dropped(nullptr);
}

void Clients::join(const Name& name, const MakeOutlet& outlet) {
    const uint64_t number = ++last_;
    auto client =
        std::make_shared<Client>(Client{name(number), Session(context_), outlet(number), 0, 0});
    run::log_debug(run::Topic::mapper, "MAPPER {} has connected", client->name);
    clients_.emplace(number, std::move(client));
}

void Clients::leave(uint64_t number, const std::string& why) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    run::log_debug(run::Topic::mapper, "MAPPER {} has gone: {}", found->second->name, why);
    const bool listening = found->second->session.trace().has_trace_request();
    clients_.erase(found);
    if (listening) listen();
}

void Clients::malformed(uint64_t number, const std::string& why) {
    world_.warn(fmt::format("{}: {}; dropped", clients_.at(number)->name, why));
}

void Clients::take(uint64_t number, wire::Bytes record) {
    const auto& client = clients_.at(number);
    const auto arrived = std::chrono::steady_clock::now();
    Reply reply = client->session.take(record);
    if (reply.subscribed) listen();
    if (!reply.malformed.empty()) malformed(number, reply.malformed);
    if (reply.record.empty()) return count(reply, arrived);
    if (!reply.durable || !world_.when_durable) {
        count(reply, arrived);
        return client->outlet->send(std::move(reply.record));
    }
    client->waiting++;
    const std::weak_ptr<Client> weak = client;
    world_.when_durable(
        [this, weak, arrived, reply = std::move(reply)](const Result<void>& stored) {
            const auto held = weak.lock();
            if (!held) return;
            held->waiting--;
            count(reply, arrived, stored.has_value());
            held->outlet->send(stored ? reply.record : reply.refused(stored.error().text));
            held->outlet->pause(held->waiting >= options_.in_flight);
        });
    client->outlet->pause(client->waiting >= options_.in_flight);
}

// What is malformed may have no answer; a set on its way in has none until it is whole.
void Clients::count(const Reply& reply, std::chrono::steady_clock::time_point arrived,
                    bool stored) const {
    if (sources_.requests == nullptr) return;
    if (reply.record.empty() && reply.malformed.empty()) return;
    const auto result = !reply.malformed.empty()    ? RequestResult::malformed
                        : reply.negative || !stored ? RequestResult::refused
                                                    : RequestResult::ok;
    sources_.requests->ended(reply.command, result, std::chrono::steady_clock::now() - arrived);
}

// What is kept is what any of them wants.
void Clients::listen() {
    proto::TraceRequest all;
    for (const auto& [number, client] : clients_) widen(all, client->session.trace());
    traced_ = all.drops() || all.packets() || all.mappings();
    sources_.listen(all);
}

void Clients::tell_traces() {
    if (!traced_) return;
    proto::TraceEvents all;
    sources_.happened(all);
    for (const auto& [number, client] : clients_) {
        const auto& wanted = client->session.trace();
        if (!wanted.has_trace_request()) continue;
        client->missed += all.missed();
        if (client->outlet->queued() > kTraceQueue) {  // it is slow: nobody waits for it
            client->missed += static_cast<uint64_t>(all.events_size());
            continue;
        }
        auto told = trace_frames(wanted, all, std::exchange(client->missed, 0));
        for (auto& frame : told) client->outlet->send(std::move(frame));
    }
}

std::map<std::string, uint64_t> Clients::programs() const {
    std::map<std::string, uint64_t> programs;
    for (const auto& [number, client] : clients_) {
        if (client->session.greeted()) programs[client->session.program()]++;
    }
    return programs;
}

void Clients::put_agents(proto::Status& status, size_t room) const {
    uint64_t left_out = 0;
    for (const auto& [number, client] : clients_) {
        const auto& session = client->session;
        if (session.reports().empty() && session.program() != kAgent) continue;
        proto::Status::Agent agent;
        agent.set_client(client->name);
        agent.set_release(session.release());
        const auto without = agent.ByteSizeLong() + kAgentFrame;
        if (without > room) break;
        left_out += session.reports().put(agent, table_.now(), room - without);
        room -= std::min(room, agent.ByteSizeLong() + kAgentFrame);
        *status.add_agents() = std::move(agent);
    }
    status.set_reports_left_out(left_out);
}

// After the answers that wait for the disk: they may still name what was dropped.
void Clients::push_in_turn(const std::vector<net::IpRef>& dropped) {
    if (!world_.when_durable) return push(dropped);
    const std::weak_ptr<int> alive = alive_;
    world_.when_durable([this, alive, dropped](const Result<void>&) {
        if (!alive.expired()) push(dropped);
    });
}

void Clients::push(const std::vector<net::IpRef>& dropped) {
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
            if (client->session.greeted()) client->outlet->send(*record);
        }
        if (all) return;
    }
}

}  // namespace ipref::gw

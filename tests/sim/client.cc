// SPDX-License-Identifier: GPL-2.0-or-later
// What a client asks; what it makes of answers stands in client_answers.cc.
#include "sim/client.h"

#include <algorithm>

#include "gw/broker/session.h"

namespace ipref::gw::sim {

namespace {

constexpr size_t kMostAsked = 3;

std::vector<StaticMapping> mappings_of(const std::vector<wire::Host>& hosts) {
    std::vector<StaticMapping> all;
    for (const auto& host : hosts) all.push_back(mapping_of(host));
    return all;
}

}  // namespace

SimClient::SimClient(Around around, uint64_t number, Kind kind, Speech speech)
    : around_(around), number_(number), kind_(kind), speech_(speech) {
    domain_ = around_.chance.of(around_.world.domains);
    layout_ = {speech == Speech::v1_self_describing, around_.world.ea_family(around_.chance),
               around_.world.gw_family(around_.chance)};
    const bool greets = kind != Kind::garbage && speech == Speech::protobuf;
    if (greets && !around_.chance.one_in(4)) greet();
}

std::string SimClient::name() const {
    constexpr std::array kinds{"resolver", "agent", "garbage"};
    constexpr std::array speeches{"protobuf", "V1", "V1 self-describing"};
    return fmt::format("client {} ({}, {})", number_, kinds[static_cast<size_t>(kind_)],
                       speeches[static_cast<size_t>(speech_)]);
}

Outgoing& SimClient::push(proto::Frame frame, std::string what) {
    Outgoing out;
    out.id = frame.id();
    out.what = std::move(what);
    out.record = wire::build_frame(std::move(frame)).value();
    return queue_.emplace_back(std::move(out));
}

Outgoing& SimClient::push(const wire::V1Body& body, std::string what) {
    Outgoing out;
    out.id = ++last_id_;
    out.what = std::move(what);
    out.layout = layout_;
    const wire::V1Packet packet{wire::V1Mode::request, static_cast<uint16_t>(out.id), layout_,
                                body};
    auto record = wire::build_v1(packet);
    if (!record) around_.judge.broken("no V1 packet: {}", record.error().text);
    if (record) out.record = std::move(*record);
    return queue_.emplace_back(std::move(out));
}

void SimClient::act() {
    if (kind_ == Kind::garbage) return talk_nonsense();
    if (kind_ == Kind::agent) return act_as_agent();
    speaks_v1() ? ask_v1_address() : ask_addresses();
}

void SimClient::greet() {
    proto::Frame frame;
    frame.set_id(++last_id_);
    frame.mutable_hello()->set_program("sim");
    push(std::move(frame), "hello");
}

void SimClient::ask_addresses() {
    auto& chance = around_.chance;
    proto::Frame frame;
    frame.set_id(++last_id_);
    const auto family = around_.world.ea_family(chance);
    std::vector<net::IpRef> asked;
    const size_t count = 1 + chance.below(kMostAsked);
    for (size_t i = 0; i < count; i++) {
        asked.push_back(chance.of(around_.world.remotes));
        auto& query = *frame.mutable_get_encoded_addresses()->add_queries();
        wire::put_ipref(asked.back(), *query.mutable_ipref());
        query.set_ea_family(static_cast<uint32_t>(family));
    }
    auto& out = push(std::move(frame), fmt::format("asks for {} addresses", count));
    out.asked = std::move(asked);
    out.family = family;
}

void SimClient::ask_v1_address() {
    const auto& remotes = around_.world.remotes;
    net::IpRef theirs = around_.chance.of(remotes);
    if (layout_.self_describing) {
        layout_.ea = around_.world.ea_family(around_.chance);
    } else {
        const auto fits = [&](const auto& one) { return one.ip.family() == layout_.gw; };
        if (!fits(theirs)) theirs = *std::ranges::find_if(remotes, fits);
    }
    wire::V1GetEa get{{net::Ip::any(layout_.ea), net::Ip::any(layout_.ea), theirs},
                      "host.example.com."};
    auto& out = push(get, "asks for " + theirs.str());
    out.asked = {theirs};
    out.family = layout_.ea;
}

void SimClient::act_as_agent() {
    auto& chance = around_.chance;
    if (!set_ || chance.one_in(3)) {
        auto set = around_.world.agents_set(chance);
        return speaks_v1() ? send_v1_set(set) : send_set(set);
    }
    if (chance.one_in(3) || speaks_v1()) return ask_hash();
    chance.one_in(8) ? withdraw() : send_difference();
}

void SimClient::send_set(const std::vector<wire::Host>& set) {
    proto::HostData head;
    SetChange change;
    change.hash = wire::hash_of(set);
    if (around_.chance.one_in(10)) {
        change.hash++;
        change.hash_is_right = false;
    }
    head.set_hash(change.hash);
    change.add = mappings_of(set);
    send_frames(head, set, {}, change);
    if (change.hash_is_right) set_ = set;
}

void SimClient::send_difference() {
    auto& chance = around_.chance;
    proto::HostData head;
    SetChange change;
    change.difference = true;
    change.base = wire::hash_of(*set_);
    std::vector<wire::Host> add;
    std::vector<wire::Host> remove;
    std::vector<wire::Host> after;
    for (const auto& host : *set_) {
        (chance.one_in(3) ? remove : after).push_back(host);
    }
    for (const auto& host : around_.world.agents_set(chance)) {
        const auto same = [&](const auto& other) { return other.ipref == host.ipref; };
        if (std::ranges::any_of(*set_, same) || std::ranges::any_of(add, same)) continue;
        add.push_back(host);
        after.push_back(host);
    }
    change.hash = wire::hash_of(after);
    head.set_difference(true);
    head.set_base_hash(change.base);
    head.set_hash(change.hash);
    change.add = mappings_of(add);
    change.remove = mappings_of(remove);
    send_frames(head, add, remove, change);
    set_ = after;
}

// A few hosts a frame, so that a set has many moments at which its sender may go away.
void SimClient::send_frames(proto::HostData head, const std::vector<wire::Host>& add,
                            const std::vector<wire::Host>& remove, SetChange change) {
    change.owner = source_of(domain_);
    head.set_local_domain("internal");
    head.set_public_domain(domain_);
    const uint64_t id = ++last_id_;
    head.set_batch(id);
    size_t added = 0;
    size_t removed = 0;
    for (bool last = false; !last;) {
        proto::Frame frame;
        frame.set_id(id);
        auto& data = *frame.mutable_host_data() = head;
        size_t room = 1 + around_.chance.below(4);
        const bool opens = added + removed == 0;
        for (; removed < remove.size() && room > 0; room--) {
            wire::put_host(remove[removed++], *data.add_remove());
        }
        for (; added < add.size() && room > 0; room--) {
            wire::put_host(add[added++], *data.add_add());
        }
        last = added == add.size() && removed == remove.size();
        data.set_last(last);
        auto& out =
            push(std::move(frame),
                 fmt::format("{} of {}{}{}", change.difference ? "difference" : "set", change.owner,
                             last ? ", last" : "", change.hash_is_right ? "" : ", wrong hash"));
        out.opens = opens;
        out.batch_of = change.owner;
        if (last) out.change = change;
    }
    if (around_.chance.one_in(10) && !queue_.back().opens) queue_.pop_back();  // gives up
}

void SimClient::send_v1_set(const std::vector<wire::Host>& set) {
    std::vector<wire::Host> fitting;
    for (const auto& host : set) {
        if (host.ip.family() == layout_.ea && host.ipref.ip.family() == layout_.gw) {
            fitting.push_back(host);
        }
    }
    SetChange change;
    change.owner = source_of(domain_);
    change.v1 = true;
    change.hash = wire::hash_of(fitting);
    size_t at = 0;
    do {
        wire::V1HostData data{
            static_cast<uint32_t>(last_id_), change.hash, "internal", domain_, {}};
        change.add.clear();
        for (size_t room = 1 + around_.chance.below(4); at < fitting.size() && room > 0; room--) {
            const auto& host = fitting[at++];
            data.records.push_back({net::Ip::any(layout_.ea), host.ip, host.ipref});
            change.add.push_back(mapping_of(host));
        }
        push(data, fmt::format("{} hosts of {}", data.records.size(), change.owner)).change =
            change;
    } while (at < fitting.size());
    set_ = fitting;
}

void SimClient::ask_hash() {
    const uint64_t hash = wire::hash_of(*set_);
    const auto count = static_cast<uint32_t>(set_->size());
    Outgoing* out = nullptr;
    if (speaks_v1()) {
        out = &push(wire::V1HostDataHash{count, hash, "internal", domain_}, "asks for the hash");
    } else {
        proto::Frame frame;
        frame.set_id(++last_id_);
        auto& data = *frame.mutable_host_data_hash();
        data.set_local_domain("internal");
        data.set_public_domain(domain_);
        data.set_hash(hash);
        data.set_count(count);
        out = &push(std::move(frame), "asks for the hash");
    }
    out->asks_hash_of = source_of(domain_);
    out->believed = mappings_of(*set_);
}

void SimClient::withdraw() {
    proto::Frame frame;
    frame.set_id(++last_id_);
    frame.mutable_withdraw()->set_local_domain("internal");
    frame.mutable_withdraw()->set_public_domain(domain_);
    SetChange change;
    change.owner = source_of(domain_);
    change.withdraws = true;
    push(std::move(frame), "withdraws " + change.owner).change = change;
    set_.reset();
}

// Records that are nearly right are the fuzzers' business: here they must not be understood.
void SimClient::talk_nonsense() {
    auto& chance = around_.chance;
    Outgoing out;
    out.what = "garbage";
    out.record.resize(chance.below(60));
    for (auto& byte : out.record) byte = static_cast<uint8_t>(chance.number());
    if (!out.record.empty()) out.record[0] = chance.one_in(2) ? 0x08 : 0x11;
    if (out.record.size() > 6) out.record[6] = 0xff;  // a V1 length that is wrong
    if (out.record.size() > 1 && out.record[0] == 0x08) out.record[1] = 0x07;  // an odd version
    queue_.push_back(std::move(out));
}

}  // namespace ipref::gw::sim

// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <utility>

#include "gw/broker/session.h"
#include "sim/client.h"

namespace ipref::gw::sim {

void SimClient::sending(const Outgoing& out) {
    const auto known = pending_.find(out.id);
    if (known != pending_.end()) known->second.complete |= out.change.has_value();
    if (out.id == 0 || !out.opens) return;
    if (out.batch_of) {  // a set that was given up is not answered
        std::erase_if(pending_, [&](const auto& item) {
            return item.second.request.batch_of == out.batch_of && !item.second.complete;
        });
    }
    pending_[out.id].request = out;
    pending_[out.id].request.record.clear();
    pending_[out.id].complete = !out.batch_of || out.change.has_value();
}

void SimClient::sent(const Outgoing& out) {
    const auto found = pending_.find(out.id);
    if (out.what == "hello") greeted_ = true;
    if (found == pending_.end()) return;  // answered already
    Pending& pending = found->second;
    pending.taken = true;
    pending.units = around_.ledger.units;
    if (!out.change) return;
    pending.request.change = out.change;
    pending.version = around_.model.version(out.change->owner);
}

std::optional<SimClient::Pending> SimClient::close_request(uint64_t id) {
    auto node = pending_.extract(id);
    if (node.empty()) {
        around_.judge.broken("{} got an answer to {}, which it has not asked, or twice", name(),
                             id);
        return std::nullopt;
    }
    return std::move(node.mapped());
}

void SimClient::receive(wire::Bytes record, bool refusing) {
    if (kind_ == Kind::garbage) return;
    speaks_v1() ? receive_v1(record) : receive_frame(record, refusing);
}

void SimClient::receive_frame(wire::Bytes record, bool refusing) {
    const auto frame = wire::parse_frame(record);
    if (!frame) return around_.judge.broken("{} got no frame", name());
    if (frame->id() == 0) {
        const auto& changed = frame->mappings_changed();
        if (changed.all()) cache_.clear();
        for (const auto& item : changed.dropped()) {
            const auto ipref = wire::ipref_from(item);
            std::erase_if(cache_, [&](const auto& cached) { return cached.first.first == ipref; });
        }
        return;
    }
    const auto pending = close_request(frame->id());
    if (!pending) return;
    if (frame->has_failure()) {
        if (frame->failure().code() == proto::Failure::STORE && !refusing) {
            around_.judge.broken("{} was refused for a disk that works", name());
        }
        if (pending->request.batch_of || pending->request.asks_hash_of) set_.reset();
        return;
    }
    if (frame->has_hello() && pending->request.what == "hello") return;
    if (!pending->complete) return around_.judge.broken("{} got an early answer", name());
    if (frame->has_ack()) return take_ack(*pending);
    if (frame->has_encoded_addresses()) return take_answers(*pending, frame->encoded_addresses());
    around_.judge.broken("{} got an answer to another question", name());
}

void SimClient::must_be_stored(const Pending& pending) {
    const uint64_t needed = pending.taken ? pending.units : around_.ledger.units;
    if (around_.ledger.on_disk >= needed) return;
    around_.judge.broken("{} was answered ({}) before it was on disk", name(),
                         pending.request.what);
}

void SimClient::take_answers(const Pending& pending, const proto::EncodedAddresses& answers) {
    const auto& asked = pending.request.asked;
    if (asked.empty() || static_cast<size_t>(answers.answers_size()) != asked.size()) {
        return around_.judge.broken("{} got {} addresses for {}", name(), answers.answers_size(),
                                    asked.size());
    }
    must_be_stored(pending);
    for (size_t i = 0; i < asked.size(); i++) {
        const auto& answer = answers.answers(static_cast<int>(i));
        if (answer.has_failure()) continue;
        const auto ea = wire::ip_from(answer.ea());
        if (!ea || ea->family() != pending.request.family) {
            return around_.judge.broken("{} got no address of the family it wants", name());
        }
        cache(asked[i], *ea, answer.lifetime());
    }
}

void SimClient::cache(const net::IpRef& theirs, const net::Ip& ea, Seconds lifetime) {
    around_.model.answered(theirs, ea, lifetime);
    cache_[{theirs, ea.family()}] = {ea, now_ + lifetime};
}

void SimClient::take_ack(const Pending& pending) {
    must_be_stored(pending);
    const auto& request = pending.request;
    if (request.change) around_.model.acknowledged(request.change->owner, pending.version);
    if (!request.change && !request.asks_hash_of) {
        around_.judge.broken("{} got an ack of something else", name());
    }
}

void SimClient::receive_v1(wire::Bytes record) {
    const auto packet = wire::parse_v1(record);
    if (!packet) return around_.judge.broken("{} got no V1 packet", name());
    const auto pending = close_request(packet->id);
    if (!pending) return;
    const auto& request = pending->request;
    const bool same_layout = packet->layout.self_describing == request.layout.self_describing &&
                             (packet->layout.self_describing || packet->layout == request.layout);
    if (!same_layout) return around_.judge.broken("{} got the other variant of V1", name());
    if (packet->mode == wire::V1Mode::nack) {
        if (request.asks_hash_of || request.change) set_.reset();
        return;
    }
    if (packet->mode != wire::V1Mode::ack) return around_.judge.broken("{} got a request", name());
    if (request.asked.empty()) return take_ack(*pending);
    const auto* got = std::get_if<wire::V1GetEa>(&packet->body);
    if (got == nullptr || got->record.ipref != request.asked[0] || got->record.ea.is_zero() ||
        got->record.ea.family() != request.family) {
        return around_.judge.broken("{} got an address that it has not asked for", name());
    }
    must_be_stored(*pending);
    // V1 tells no lifetime, but asking is using.
    around_.model.answered(request.asked[0], got->record.ea, kMappingLife - kUseStamp);
}

void SimClient::check_quiet(const Table& table, Seconds now) {
    for (const auto& [id, pending] : pending_) {
        if (pending.complete) {
            around_.judge.broken("{} never got its answer ({})", name(), pending.request.what);
        }
    }
    if (!greeted_ || speaks_v1()) return;
    for (const auto& [key, cached] : cache_) {
        const auto known = const_cast<Table&>(table).known_ea(key.first, key.second);
        if (cached.until <= now || known == cached.ea) continue;
        around_.judge.broken("{} still believes that {} is {}", name(), key.first.str(),
                             cached.ea.str());
    }
}

}  // namespace ipref::gw::sim

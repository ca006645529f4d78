// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "common/dns/wire_message.h"
#include "resolver/plugins/file/lookup.h"
#include "resolver/plugins/transfer/transfer.h"

namespace ipref::resolver {

namespace {
// Compression reaches 16 KB into a message; data beyond that would be larger, not smaller.
constexpr size_t kMessage = 16'384;
}  // namespace

bool Recipient::is(const net::Ip& client, const Name* signed_by) const {
    if (at && at->ip != client) return false;
    return !key || (signed_by != nullptr && *signed_by == key->name);
}

bool TransferRule::allows(const net::Ip& client, const Name* signed_by) const {
    return std::ranges::any_of(to, [&](const auto& one) { return one.is(client, signed_by); });
}

/// Everything but the SOA, in the zone's order, foreign records last.
bool Outgoing::next(RecordRef& record) {
    while (node_ < zone_->nodes().size()) {
        const auto& node = zone_->node(static_cast<uint32_t>(node_));
        const auto sets = zone_->sets(node);
        while (set_ < sets.size()) {
            const auto& set = sets[set_];
            const auto records = zone_->records(set);
            if (set.type != dns::rr::kSoa && record_ < records.size()) {
                const auto& one = records[record_++];
                record = {
                    .owner = node.name(), .type = set.type, .ttl = one.ttl, .rdata = one.rdata()};
                return true;
            }
            set_++;
            record_ = 0;
        }
        node_++;
        set_ = 0;
    }
    if (foreign_ == zone_->foreign().size()) return false;
    const auto& one = zone_->foreign()[foreign_++];
    record = {
        .owner = one.name(), .type = one.type, .ttl = one.record.ttl, .rdata = one.record.rdata()};
    return true;
}

bool Outgoing::fill(Reply& reply) {
    size_t size = 0;
    const auto add = [&](const RecordRef& record) {
        size += record.owner.size() + 10 + record.rdata.size();
        reply.answer.push_back(record);
        sent_++;
    };
    if (!begun_) add(soa_of(*zone_));
    begun_ = true;
    RecordRef record;
    while (size < kMessage) {
        if (!next(record)) {
            add(soa_of(*zone_));
            return false;
        }
        add(record);
    }
    return true;
}

std::optional<uint32_t> client_serial(const Request& request) {
    dns::MessageReader in(request.wire);
    while (const auto record = in.record()) {
        const bool soa = record->section == dns::Section::authority &&
                         record->type == dns::rr::kSoa && record->owner == request.name;
        if (!soa) continue;
        const auto mname_end = in.skip_name(record->rdata_at);
        const auto rname_end = mname_end ? in.skip_name(*mname_end) : std::nullopt;
        if (!rname_end) return std::nullopt;
        wire::Reader numbers(request.wire.subspan(*rname_end));
        const uint32_t serial = numbers.u32();
        return numbers.ok() ? std::optional(serial) : std::nullopt;
    }
    return std::nullopt;
}

bool serial_reached(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b) >= 0;
}

}  // namespace ipref::resolver

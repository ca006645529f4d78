// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/happenings.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>

#include "common/wire/mapper_frame.h"

namespace ipref::gw {

namespace {

constexpr size_t kMostMappings = 2048;  // between two calls of take()

uint64_t nanoseconds_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

proto::TraceEvent::Kind kind_of(Table::Event event) {
    switch (event) {
        case Table::Event::made:
            return proto::TraceEvent::MAPPING_MADE;
        case Table::Event::expired:
            return proto::TraceEvent::MAPPING_EXPIRED;
        case Table::Event::ended:
            return proto::TraceEvent::MAPPING_ENDED;
    }
    return proto::TraceEvent::UNSPECIFIED;
}

void put_event(const TapEvent& event, wire::Bytes packet, proto::TraceEvent& out) {
    out.set_nanoseconds(event.nanoseconds);
    out.set_kind(event.dropped ? proto::TraceEvent::DROP : proto::TraceEvent::PACKET);
    out.set_tunnel(event.point == TapPoint::tunnel);
    out.set_inward(event.inward);
    out.set_count(event.count);
    out.set_length(event.length);
    out.set_packet(packet.data(), packet.size());
    if (event.peer.port != 0) {
        out.set_peer_ip(wire::bytes_of(event.peer.ip));
        out.set_peer_port(event.peer.port);
    }
    if (!event.dropped) return;
    const auto& info = describe(event.reason);
    out.set_reason(std::string(info.name));
    out.set_text(std::string(info.text));
    if (event.error != 0) out.set_error(strerror(event.error));
}

void put_batch(const TapBatch& batch, proto::TraceEvents& out) {
    out.set_missed(out.missed() + batch.missed);
    wire::Bytes bytes = batch.bytes;
    for (const auto& event : batch.events) {
        put_event(event, bytes.first(event.kept), *out.add_events());
        bytes = bytes.subspan(event.kept);
    }
}

}  // namespace

struct Happenings::Mappings {
    std::mutex mutex;
    proto::TraceEvents events;

    void put(Table::Event what, const MappingRow& row) {
        const std::lock_guard lock(mutex);
        if (events.events_size() >= static_cast<int>(kMostMappings)) {
            return events.set_missed(events.missed() + 1);
        }
        auto& event = *events.add_events();
        event.set_nanoseconds(nanoseconds_now());
        event.set_kind(kind_of(what));
        auto& mapping = *event.mutable_mapping();
        mapping.set_remote(row.relation == Relation::remote);
        mapping.set_ip(wire::bytes_of(row.ip));
        wire::put_ipref(row.ipref, *mapping.mutable_ipref());
        mapping.set_owner(row.owner);
        mapping.set_lifetime(row.lifetime);
    }
};

void Happenings::listen(const proto::TraceRequest& wanted) {
    if (datapath_ != nullptr) {
        const TapWants wants{wanted.drops(), wanted.packets(), wanted.snap()};
        datapath_->each_tap([&](Tap& tap) { tap.listen(wants); });
    }
    if (wanted.mappings() == (mappings_ != nullptr)) return;
    mappings_ = wanted.mappings() ? std::make_shared<Mappings>() : nullptr;
    if (mappings_ == nullptr) return table_.observe(nullptr);
    table_.observe(
        [kept = mappings_](Table::Event event, const MappingRow& row) { kept->put(event, row); });
}

void Happenings::take(proto::TraceEvents& out) {
    if (datapath_ != nullptr) {
        datapath_->each_tap([&](Tap& tap) { put_batch(tap.take(), out); });
    }
    if (mappings_ != nullptr) {
        const std::lock_guard lock(mappings_->mutex);
        const uint64_t missed = out.missed() + mappings_->events.missed();
        out.MergeFrom(mappings_->events);
        out.set_missed(missed);
        mappings_->events.Clear();
    }
    auto& events = *out.mutable_events();
    std::stable_sort(events.pointer_begin(), events.pointer_end(),
                     [](const proto::TraceEvent* a, const proto::TraceEvent* b) {
                         return a->nanoseconds() < b->nanoseconds();
                     });
}

}  // namespace ipref::gw

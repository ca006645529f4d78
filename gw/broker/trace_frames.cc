// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/trace_frames.h"

#include <algorithm>
#include <string_view>

namespace ipref::gw {

namespace {

using proto::TraceEvent;

constexpr uint32_t kSnap = 96;             // headers of both sides
constexpr uint32_t kMostSnap = 60 * 1024;  // with the rest of the event within a frame
constexpr size_t kRoom = wire::kFrameLimit - 1024;

uint32_t snap_of(const proto::TraceRequest& request) {
    return request.snap() == 0 ? kSnap : std::min(request.snap(), kMostSnap);
}

/// Whether the IP packet is to or from the host.
bool of_host(std::string_view packet, std::string_view host) {
    if (packet.empty()) return false;
    const bool v6 = static_cast<uint8_t>(packet[0]) >> 4 == 6;
    const size_t size = v6 ? 16 : 4;
    const size_t source = v6 ? 8 : 12;
    if (host.size() != size || packet.size() < source + 2 * size) return false;
    return packet.substr(source, size) == host || packet.substr(source + size, size) == host;
}

bool kind_wanted(const proto::TraceRequest& request, TraceEvent::Kind kind) {
    switch (kind) {
        case TraceEvent::DROP:
            return request.drops();
        case TraceEvent::PACKET:
            return request.packets();
        default:
            return request.mappings();
    }
}

}  // namespace

void widen(proto::TraceRequest& all, const proto::Frame& subscriber) {
    if (!subscriber.has_trace_request()) return;
    const auto& one = subscriber.trace_request();
    all.set_drops(all.drops() || one.drops());
    all.set_packets(all.packets() || one.packets());
    all.set_mappings(all.mappings() || one.mappings());
    all.set_snap(std::max(all.snap(), snap_of(one)));
}

bool wants(const proto::TraceRequest& request, const TraceEvent& event) {
    if (!kind_wanted(request, event.kind())) return false;
    const auto& peer = event.has_mapping() ? event.mapping().ipref().gw() : event.peer_ip();
    if (!request.peer().empty() && request.peer() != peer) return false;
    if (request.host().empty()) return true;
    if (event.has_mapping()) return event.mapping().ip() == request.host();
    return !event.tunnel() && of_host(event.packet(), request.host());
}

std::vector<Record> trace_frames(const proto::Frame& subscriber, const proto::TraceEvents& all,
                                 uint64_t missed) {
    const auto& request = subscriber.trace_request();
    const uint32_t snap = snap_of(request);
    std::vector<Record> frames;
    proto::Frame frame;
    size_t size = 0;
    const auto finish = [&] {
        frame.set_id(subscriber.id());
        frame.mutable_trace_events()->set_missed(std::exchange(missed, 0));
        if (auto record = wire::build_frame(std::exchange(frame, {}))) {
            frames.push_back(std::move(*record));
        }
        size = 0;
    };
    for (const auto& event : all.events()) {
        if (!wants(request, event)) continue;
        TraceEvent told = event;
        if (told.packet().size() > snap) told.mutable_packet()->resize(snap);
        const size_t more = told.ByteSizeLong() + 8;
        if (size + more > kRoom) finish();
        size += more;
        *frame.mutable_trace_events()->add_events() = std::move(told);
    }
    if (size > 0 || missed > 0) finish();
    return frames;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/trace_frames.h"

#include "../mapping/fixture.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

/// An IPv4 packet between two hosts, with so many bytes behind its header.
std::string packet(std::string_view from, std::string_view to, size_t more) {
    std::string bytes(20 + more, '\0');
    bytes[0] = 0x45;
    bytes.replace(12, 4, wire::bytes_of(ip(from)));
    bytes.replace(16, 4, wire::bytes_of(ip(to)));
    return bytes;
}

proto::Frame subscriber(bool drops, bool mappings, bool packets) {
    proto::Frame frame;
    frame.set_id(7);
    frame.mutable_trace_request()->set_drops(drops);
    frame.mutable_trace_request()->set_mappings(mappings);
    frame.mutable_trace_request()->set_packets(packets);
    return frame;
}

proto::TraceEvent drop() {
    proto::TraceEvent event;
    event.set_kind(proto::TraceEvent::DROP);
    event.set_packet(packet("10.1.0.11", "10.240.8.21", 1000));
    event.set_peer_ip(wire::bytes_of(ip("198.51.100.9")));
    return event;
}

proto::TraceEvent mapping() {
    proto::TraceEvent event;
    event.set_kind(proto::TraceEvent::MAPPING_MADE);
    event.mutable_mapping()->set_ip(wire::bytes_of(ip("10.240.8.21")));
    wire::put_ipref(at("198.51.100.9", "22"), *event.mutable_mapping()->mutable_ipref());
    return event;
}

}  // namespace

TEST_CASE("a subscriber is told what it asked for, by kind, host and peer", "[trace]") {
    auto request = subscriber(true, false, false).trace_request();
    CHECK(wants(request, drop()));
    CHECK_FALSE(wants(request, mapping()));
    request = subscriber(true, true, false).trace_request();
    for (const auto* host : {"10.1.0.11", "10.240.8.21"}) {
        request.set_host(wire::bytes_of(ip(host)));
        CHECK(wants(request, drop()));
    }
    CHECK(wants(request, mapping()));
    request.set_host(wire::bytes_of(ip("10.1.0.12")));
    CHECK_FALSE(wants(request, drop()));
    CHECK_FALSE(wants(request, mapping()));
    request.clear_host();
    request.set_peer(wire::bytes_of(ip("198.51.100.9")));
    CHECK(wants(request, drop()));
    CHECK(wants(request, mapping()));
    request.set_peer(wire::bytes_of(ip("198.51.100.8")));
    CHECK_FALSE(wants(request, drop()));
    CHECK_FALSE(wants(request, mapping()));
}

TEST_CASE("a host is not looked for in packets that are too short, or of another family",
          "[trace]") {
    auto request = subscriber(true, false, false).trace_request();
    request.set_host(wire::bytes_of(ip("10.1.0.11")));
    auto event = drop();
    for (const size_t size : {0, 1, 12, 19}) {
        event.mutable_packet()->resize(size);
        CHECK_FALSE(wants(request, event));
    }
    event.set_packet("\x60");
    CHECK_FALSE(wants(request, event));
    request.set_host("x");
    CHECK_FALSE(wants(request, drop()));
}

TEST_CASE("many events go in frames that the socket takes, cut to the snap length", "[trace]") {
    proto::TraceEvents all;
    for (int i = 0; i < 2000; i++) *all.add_events() = drop();
    auto one = subscriber(true, false, false);
    one.mutable_trace_request()->set_snap(500);
    const auto frames = trace_frames(one, all, 3);
    CHECK(frames.size() > 10);
    int events = 0;
    uint64_t missed = 0;
    for (const auto& record : frames) {
        CHECK(record.size() <= wire::kFrameLimit);
        const auto frame = wire::parse_frame(record).value();
        CHECK(frame.id() == 7);
        events += frame.trace_events().events_size();
        missed += frame.trace_events().missed();
        for (const auto& event : frame.trace_events().events()) {
            CHECK(event.packet().size() == 500);
        }
    }
    CHECK(events == 2000);
    CHECK(missed == 3);
    CHECK(trace_frames(subscriber(false, true, false), all, 0).empty());
    CHECK(trace_frames(subscriber(false, true, false), all, 1).size() == 1);
}

TEST_CASE("what is kept is what any subscriber wants", "[trace]") {
    proto::TraceRequest all;
    widen(all, {});
    CHECK_FALSE(all.drops());
    CHECK(all.snap() == 0);
    widen(all, subscriber(true, false, false));
    CHECK(all.snap() == 96);
    auto large = subscriber(false, false, true);
    large.mutable_trace_request()->set_snap(UINT32_MAX);
    widen(all, large);
    CHECK(all.drops());
    CHECK(all.packets());
    CHECK_FALSE(all.mappings());
    CHECK(all.snap() < wire::kFrameLimit);
}

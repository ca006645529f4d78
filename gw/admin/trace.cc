// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/trace.h"

#include <array>
#include <ctime>

#include "common/run/json.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/show.h"

namespace ipref::gw::admin {

namespace {

using proto::TraceEvent;

constexpr uint64_t kBillion = 1'000'000'000;

std::string time_text(uint64_t nanoseconds) {
    const auto seconds = static_cast<time_t>(nanoseconds / kBillion);
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:06}Z", text.data(), nanoseconds % kBillion / 1000);
}

/// Source or destination of the IP packet at the TUN; empty if it is too short.
std::string ip_in(const TraceEvent& event, bool destination) {
    const std::string_view packet = event.packet();
    if (event.tunnel() || packet.empty()) return {};
    const bool v6 = static_cast<uint8_t>(packet[0]) >> 4 == 6;
    const size_t size = v6 ? 16 : 4;
    const size_t at = (v6 ? 8 : 12) + (destination ? size : 0);
    if (packet.size() < at + size) return {};
    return address(std::string(packet.substr(at, size)));
}

std::string peer_of(const TraceEvent& event) {
    const auto ip = wire::ip_from(event.peer_ip());
    if (!ip) return {};
    return net::Endpoint{*ip, static_cast<uint16_t>(event.peer_port())}.str();
}

std::string_view kind_name(TraceEvent::Kind kind) {
    switch (kind) {
        case TraceEvent::DROP:
            return "drop";
        case TraceEvent::PACKET:
            return "packet";
        case TraceEvent::MAPPING_MADE:
            return "mapping-made";
        case TraceEvent::MAPPING_EXPIRED:
            return "mapping-expired";
        case TraceEvent::MAPPING_ENDED:
            return "mapping-ended";
        default:
            return "unknown";
    }
}

std::string_view way_of(const TraceEvent& event) {
    return event.inward() ? "out of the tunnel" : "into the tunnel";
}

std::string packet_text(const TraceEvent& event) {
    std::string text(way_of(event));
    if (const auto source = ip_in(event, false); !source.empty()) {
        text += fmt::format(", {} to {}", source, ip_in(event, true));
    }
    if (const auto peer = peer_of(event); !peer.empty()) {
        text += fmt::format(", {} {}", event.inward() ? "from" : "to", peer);
    }
    if (event.length() > 0) text += fmt::format(", {} bytes", event.length());
    if (event.count() > 1) text += fmt::format(", {} packets", event.count());
    if (!event.error().empty()) text += fmt::format(", {}", harmless(event.error()));
    return text;
}

}  // namespace

std::string trace_text(const TraceEvent& event) {
    const auto when = time_text(event.nanoseconds());
    const auto kind = kind_name(event.kind());
    if (event.has_mapping()) {
        const auto& mapping = event.mapping();
        return fmt::format("{} {} {} = {}, {}\n", when, kind, address(mapping.ip()),
                           ipref(mapping.ipref()), harmless(mapping.owner()));
    }
    if (event.kind() != TraceEvent::DROP) {
        return fmt::format("{} {} {}\n", when, kind, packet_text(event));
    }
    return fmt::format("{} {} {}: {} ({})\n", when, kind, harmless(event.reason()),
                       harmless(event.text()), packet_text(event));
}

std::string trace_json(const TraceEvent& event) {
    run::Json json;
    json.open('{').member("schema", "ipref.trace/1").member("time", time_text(event.nanoseconds()));
    json.member("event", kind_name(event.kind()));
    if (event.has_mapping()) {
        const auto& mapping = event.mapping();
        json.member("host", mapping.remote() ? "remote" : "local");
        json.member("ip", address(mapping.ip())).member("ipref", ipref(mapping.ipref()));
        return json.member("owner", mapping.owner()).close('}').take() + '\n';
    }
    json.member("direction", event.inward() ? "in" : "out");
    json.member("side", event.tunnel() ? "tunnel" : "tun").member("count", event.count());
    if (event.kind() == TraceEvent::DROP) {
        json.member("reason", event.reason()).member("text", event.text());
        if (!event.error().empty()) json.member("error", event.error());
    }
    if (const auto source = ip_in(event, false); !source.empty()) {
        json.member("source", source).member("destination", ip_in(event, true));
    }
    if (const auto peer = peer_of(event); !peer.empty()) json.member("peer", peer);
    return json.member("length", event.length()).close('}').take() + '\n';
}

std::string missed_text(uint64_t missed) {
    return fmt::format("{} more events came too fast and were left out\n", missed);
}

std::string missed_json(uint64_t missed) {
    run::Json json;
    json.open('{').member("schema", "ipref.trace/1").member("event", "missed");
    return json.member("count", missed).close('}').take() + '\n';
}

}  // namespace ipref::gw::admin

// SPDX-License-Identifier: GPL-2.0-or-later
// The V1 protocol. Source: spec "The mapper socket", section "Theirs: V1".
#include <utility>

#include "gw/broker/session.h"

namespace ipref::gw {

namespace {

constexpr uint8_t kGetEa = 7;

wire::V1Packet answer_to(const wire::V1Packet& request, wire::V1Mode mode, wire::V1Body body) {
    return {mode, request.id, request.layout, std::move(body)};
}

Record bytes_of(const wire::V1Packet& packet) {
    auto built = wire::build_v1(packet);
    return built ? std::move(*built) : Record{};
}

/// An ack that waits for the disk, and the nack that takes its place.
Reply promise(const wire::V1Packet& ack, const wire::V1Packet& nack) {
    return {.record = bytes_of(ack),
            .durable = true,
            .refused = [record = bytes_of(nack)](const std::string&) { return record; },
            .malformed = {}};
}

Reply at_once(const wire::V1Packet& packet) {
    return {.record = bytes_of(packet),
            .durable = false,
            .refused = {},
            .malformed = {},
            .negative = packet.mode == wire::V1Mode::nack};
}

Reply malformed(std::string why) {
    return {.record = {}, .durable = false, .refused = {}, .malformed = "V1 " + std::move(why)};
}

Reply of(Command command, Reply reply) {
    reply.command = command;
    return reply;
}

}  // namespace

Reply Session::take_v1(wire::Bytes record) {
    const auto packet = wire::parse_v1(record);
    if (!packet) return malformed(packet.error().text);
    if (packet->mode == wire::V1Mode::data) return {};
    if (packet->mode != wire::V1Mode::request) {
        return malformed("packet is an answer, and nothing was asked");
    }
    if (const auto* get = std::get_if<wire::V1GetEa>(&packet->body)) {
        return of(Command::get_encoded_addresses, v1_get_ea(*packet, *get));
    }
    if (const auto* data = std::get_if<wire::V1HostData>(&packet->body)) {
        return of(Command::host_data, v1_host_data(*packet, *data));
    }
    if (const auto* hash = std::get_if<wire::V1HostDataHash>(&packet->body)) {
        return of(Command::host_data_hash, v1_host_hash(*packet, *hash));
    }
    return malformed("request of an unknown kind");
}

Reply Session::v1_get_ea(const wire::V1Packet& packet, const wire::V1GetEa& request) {
    const auto nack = answer_to(packet, wire::V1Mode::nack, wire::V1Nack{kGetEa});
    wire::V1GetEa found{request.record, ""};
    const auto encoded = context_.table.encode(found.record.ipref, found.record.ea.family());
    if (!encoded) return at_once(nack);
    found.record.ea = encoded->ea;
    return promise(answer_to(packet, wire::V1Mode::ack, found), nack);
}

// A hash that differs from the source's current one begins a new set; packets with the same hash
// add to it.
Reply Session::v1_host_data(const wire::V1Packet& packet, const wire::V1HostData& request) {
    const std::string owner = source_name(request.local_domain, request.public_domain);
    if (owner.empty()) return malformed(fmt::format("host data: {}", kBadDomain));
    std::vector<StaticMapping> hosts;
    hosts.reserve(request.records.size());
    for (const auto& record : request.records) {
        hosts.push_back({Relation::local, record.ip, record.ipref});
    }
    const OwnerName name{.name = owner, .expires = true, .priority = false};
    if (context_.table.hash_of(owner) == request.hash) {
        context_.table.change(name, hosts, {}, request.hash);
    } else {
        context_.table.replace(name, hosts, request.hash);
    }
    wire::V1HostData answer = request;
    answer.records.clear();
    return promise(answer_to(packet, wire::V1Mode::ack, answer),
                   answer_to(packet, wire::V1Mode::nack, answer));
}

Reply Session::v1_host_hash(const wire::V1Packet& packet, const wire::V1HostDataHash& request) {
    const std::string owner = source_name(request.local_domain, request.public_domain);
    const auto nack = answer_to(packet, wire::V1Mode::nack, request);
    if (!context_.table.confirm(owner, request.hash, request.count)) return at_once(nack);
    return promise(answer_to(packet, wire::V1Mode::ack, request), nack);
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <limits>

#include "common/mapper/dialect.h"
#include "common/wire/mapper_v1.h"

namespace ipref::mapper {

namespace {

/// The deployed gateway handles packets one by one; so many keep it busy without filling queues.
constexpr size_t kWindow = 32;

Failure refusal() {
    return {Reason::refused, "the gateway refuses it (V1 tells no reason)"};
}

/// Hosts from `position` on that share their families and fit into one packet.
std::span<const wire::Host> next_hosts(const Shipment& shipment, const wire::V1Layout& layout) {
    const auto rest = std::span(shipment.set->hosts).subspan(shipment.position);
    const auto most = wire::v1_records_that_fit(
        layout, shipment.source.local_domain, shipment.source.public_domain, layout.ea, layout.gw);
    size_t count = 0;
    while (count < std::min(most, rest.size()) && rest[count].ip.family() == layout.ea &&
           rest[count].ipref.ip.family() == layout.gw) {
        count++;
    }
    return rest.first(count);
}

class V1Dialect : public Dialect {
  public:
    V1Dialect(net::Family ea, net::Family gw) : layout_{.ea = ea, .gw = gw} {}

    uint64_t largest_id() const override { return std::numeric_limits<uint16_t>::max(); }
    size_t window() const override { return kWindow; }

    QueryRecord queries(uint64_t id, std::span<const Query> queries) const override {
        const auto& query = queries.front();
        const auto none = net::Ip::any(query.ea_family);
        const wire::V1Packet packet{
            wire::V1Mode::request, static_cast<uint16_t>(id),
            wire::V1Layout{.ea = query.ea_family, .gw = query.ipref.ip.family()},
            wire::V1GetEa{{none, none, query.ipref}, query.name}};
        return {wire::build_v1(packet).value(), 1};
    }

    Result<std::vector<uint8_t>> next_part(uint64_t id, Shipment& shipment) const override {
        if (shipment.kind == Shipment::Kind::confirm) {
            shipment.all_sent = true;
            const wire::V1HostDataHash body{shipment.count, shipment.hash,
                                            shipment.source.local_domain,
                                            shipment.source.public_domain};
            return wire::build_v1(
                {wire::V1Mode::request, static_cast<uint16_t>(id), layout_, body});
        }
        return host_data(static_cast<uint16_t>(id), shipment);
    }

    std::vector<uint8_t> report(uint64_t, const SourceReport&) const override { return {}; }

    Result<std::optional<Reply>> read(wire::Bytes record) const override {
        const auto packet = wire::parse_v1(record);
        if (!packet) return tl::unexpected(packet.error());
        if (packet->mode != wire::V1Mode::ack && packet->mode != wire::V1Mode::nack) {
            return std::nullopt;
        }
        Reply reply{.id = packet->id, .what = Done{}, .about = {}};
        if (packet->mode == wire::V1Mode::nack) {
            reply.what = nack_of(packet->body);
        } else if (const auto* got = std::get_if<wire::V1GetEa>(&packet->body)) {
            reply.about = got->record.ipref;
            reply.what = std::vector<Answer>{Encoded{got->record.ea, std::nullopt}};
        }
        return reply;
    }

  private:
    static Failure nack_of(const wire::V1Body& body) {
        const auto* bare = std::get_if<wire::V1Nack>(&body);
        const bool hash = std::holds_alternative<wire::V1HostDataHash>(body) ||
                          (bare != nullptr && bare->command == 15);
        if (!hash) return refusal();
        return {Reason::unknown_hash, "the gateway holds other hosts"};
    }

    /// A difference goes as the full set, a withdrawal as the empty one: V1 has neither.
    Result<std::vector<uint8_t>> host_data(uint16_t id, Shipment& shipment) const {
        const bool empty = shipment.kind == Shipment::Kind::withdraw;
        wire::V1HostData body{static_cast<uint32_t>(shipment.batch),
                              empty ? wire::HostHash().value() : shipment.hash,
                              shipment.source.local_domain,
                              shipment.source.public_domain,
                              {}};
        auto layout = layout_;
        if (!empty && shipment.position < shipment.set->hosts.size()) {
            const auto& first = shipment.set->hosts[shipment.position];
            layout = {.ea = first.ip.family(), .gw = first.ipref.ip.family()};
            const auto hosts = next_hosts(shipment, layout);
            if (hosts.empty()) return fail("the names of the source are too long for V1");
            for (const auto& host : hosts) {
                body.records.push_back({net::Ip::any(layout.ea), host.ip, host.ipref});
            }
            shipment.position += hosts.size();
        }
        shipment.all_sent = empty || shipment.position == shipment.set->hosts.size();
        return wire::build_v1({wire::V1Mode::request, id, layout, std::move(body)});
    }

    wire::V1Layout layout_;
};

}  // namespace

std::unique_ptr<const Dialect> v1_dialect(net::Family ea, net::Family gw) {
    return std::make_unique<V1Dialect>(ea, gw);
}

}  // namespace ipref::mapper

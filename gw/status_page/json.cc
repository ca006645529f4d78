// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <chrono>
#include <optional>

#include "common/run/json.h"
#include "common/run/version.h"
#include "gw/metrics.h"
#include "gw/status_page/status_page.h"

namespace ipref::gw {

namespace {

constexpr size_t kMostRows = 200;
// Published hosts are searched for in so many rows of the table.
constexpr size_t kRowsOfLook = 5000;
constexpr size_t kMostLooks = 20;

bool published(const MappingRow& row) {
    return row.relation == Relation::local && row.owner != "dynamic" && row.owner != "gateway";
}

void add_status(run::Json& json, const proto::Status& status) {
    json.member("release", std::string_view(run::kRelease))
        .member("uptime", uint64_t{status.uptime_seconds()})
        .member("tun", status.tun())
        .member("mtu", status.tun_mtu())
        .member("port", status.gateway_port())
        .member("devmode", status.devmode())
        .member("clients", uint64_t{status.clients()});
    json.key("programs").open('{');
    for (const auto& [name, count] : status.programs()) json.member(name, uint64_t{count});
    json.close('}').key("problems").open('[');
    for (const auto& each : status.problems()) json.value(each);
    json.close(']').key("off").open('[');
    for (const auto& [name, state] : status.offloads()) {
        if (state != "on") json.value(name + " " + state);
    }
    json.close(']');
}

void add_table(run::Json& json, const Table& table) {
    json.key("gateways").open('[');
    for (const auto& each : table.config().gateways) json.value(each.str());
    json.close(']').key("networks").open('[');
    for (const auto& each : table.config().encode_nets) json.value(each.str());
    json.close(']');
    json.member("remote", uint64_t{table.count(Relation::remote)})
        .member("local", uint64_t{table.count(Relation::local)});
}

void add_limits(run::Json& json, const proto::Status& status) {
    json.key("limits").open('[');
    for (const auto& usage : status.usage()) {
        json.open('{')
            .member("what", usage.what())
            .member("held", uint64_t{usage.held()})
            .member("limit", uint64_t{usage.limit()})
            .member("forPackets", uint64_t{usage.for_packets()})
            .close('}');
    }
    json.close(']');
}

void add_sources(run::Json& json, const proto::Status& status) {
    json.key("sources").open('[');
    for (const auto& each : status.sources()) {
        json.open('{')
            .member("name", each.name())
            .member("hosts", uint64_t{each.hosts()})
            .member("confirmed", uint64_t{each.confirmed_seconds_ago()})
            .close('}');
    }
    json.close(']');
}

/// What somebody can reach: our hosts by the references that were given to them by a set.
void add_published(run::Json& json, const Table& table) {
    json.key("published").open('[');
    size_t rows = 0;
    bool more = false;
    std::optional<uint64_t> cursor = 0;
    for (size_t looks = 0; cursor && looks < kMostLooks && !more; looks++) {
        const auto page = table.page(*cursor, kRowsOfLook, {});
        cursor = page.next;
        for (const auto& row : page.rows) {
            if (row.relation == Relation::remote) cursor.reset();  // ours stand before them
            if (!published(row)) continue;
            if (more = ++rows > kMostRows; more) break;
            json.open('{')
                .member("ip", row.ip.str())
                .member("gateway", row.ipref.ip.is_zero() ? "" : row.ipref.ip.str())
                .member("ref", row.ipref.ref.str())
                .member("owner", row.owner)
                .close('}');
        }
    }
    json.close(']').member("publishedMore", more || cursor);
}

void add_peers(run::Json& json, const Datapath& datapath, uint16_t default_port) {
    const auto now = peer_seconds(std::chrono::steady_clock::now());
    json.member("peerCount", uint64_t{datapath.peers().count()});
    json.key("peers").open('[');
    for (const auto& row : datapath.peers().page(0, kMostRows, now).rows) {
        const uint16_t port = row.port != 0 ? row.port : default_port;
        json.open('{')
            .member("at", net::Endpoint{row.ip, port}.str())
            .member("in", row.received_bytes)
            .member("out", row.sent_bytes)
            .member("mtu", row.path_mtu)
            .member("heard", row.last_received != 0)
            .member("ago", uint64_t{now - std::min(now, row.last_received)})
            .close('}');
    }
    json.close(']');
}

void add_traffic(run::Json& json, const Datapath& datapath) {
    json.key("counters").open('{');
    for (const auto& [name, value] : datapath_counters(datapath)) json.member(name, value);
    json.close('}').key("drops").open('[');
    for (const auto& each : dropped(datapath)) {
        json.open('{')
            .member("reason", each.info.name)
            .member("text", each.info.text)
            .member("out", each.out)
            .member("in", each.in)
            .close('}');
    }
    json.close(']').member("overflows", uint64_t{datapath.socket_overflows()});
}

}  // namespace

std::string status_json(const proto::Status& status, const Table& table, const Datapath* datapath,
                        uint16_t default_port) {
    run::Json json;
    json.open('{');
    add_status(json, status);
    add_table(json, table);
    add_limits(json, status);
    add_sources(json, status);
    add_published(json, table);
    if (datapath != nullptr) {
        add_peers(json, *datapath, default_port);
        add_traffic(json, *datapath);
    }
    json.close('}');
    return json.str();
}

}  // namespace ipref::gw

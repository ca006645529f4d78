// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/metrics.h"

#include <array>
#include <chrono>

#include "common/run/version.h"

namespace ipref::gw {

namespace {

struct CounterRow {
    const char* name;
    const char* side;  // label, may be null
    const char* help;
    run::WorkerCounter WorkerCounters::*counter;
};

constexpr std::array kCounters = {
    CounterRow{"ipref_gw_received_packets_total", "tun", "Packets read",
               &WorkerCounters::tun_received_packets},
    CounterRow{"ipref_gw_received_bytes_total", "tun", "Bytes read",
               &WorkerCounters::tun_received_bytes},
    CounterRow{"ipref_gw_sent_packets_total", "tun", "Packets written",
               &WorkerCounters::tun_sent_packets},
    CounterRow{"ipref_gw_sent_bytes_total", "tun", "Bytes written",
               &WorkerCounters::tun_sent_bytes},
    CounterRow{"ipref_gw_received_packets_total", "udp", "Packets read",
               &WorkerCounters::udp_received_packets},
    CounterRow{"ipref_gw_received_bytes_total", "udp", "Bytes read",
               &WorkerCounters::udp_received_bytes},
    CounterRow{"ipref_gw_sent_packets_total", "udp", "Packets written",
               &WorkerCounters::udp_sent_packets},
    CounterRow{"ipref_gw_sent_bytes_total", "udp", "Bytes written",
               &WorkerCounters::udp_sent_bytes},
    CounterRow{"ipref_gw_received_super_packets_total", "tun",
               "Super-packets among the packets read, each counted there as what it stands for",
               &WorkerCounters::tun_received_super},
    CounterRow{"ipref_gw_sent_super_packets_total", "tun",
               "Super-packets among the packets written, each counted there as what it stands for",
               &WorkerCounters::tun_sent_super},
    CounterRow{"ipref_gw_icmp_errors_total", nullptr, "ICMP errors made by the gateway",
               &WorkerCounters::icmp_errors},
    CounterRow{"ipref_gw_path_mtu_changes_total", nullptr,
               "Times the network told a smaller path MTU", &WorkerCounters::path_mtu_changes},
};

uint64_t total(const Datapath& datapath, run::WorkerCounter WorkerCounters::*counter) {
    uint64_t sum = 0;
    datapath.each_worker([&](const WorkerCounters& each) { sum += (each.*counter).value(); });
    return sum;
}

uint64_t drops(const Datapath& datapath, DropReason reason, DropCounters WorkerCounters::*way) {
    uint64_t sum = 0;
    datapath.each_worker([&](const WorkerCounters& each) { sum += (each.*way).get(reason); });
    return sum;
}

void register_drops(run::Metrics& metrics, const Datapath& datapath) {
    for (const auto& info : drop_reasons()) {
        for (const auto& [direction, way] :
             {std::pair("out", &WorkerCounters::out), std::pair("in", &WorkerCounters::in)}) {
            metrics.counter_from("ipref_gw_dropped_packets_total",
                                 "Packets dropped; out is into the tunnel, in is out of it",
                                 {{"direction", direction}, {"reason", std::string(info.name)}},
                                 [&datapath, reason = info.reason, way = way] {
                                     return static_cast<double>(drops(datapath, reason, way));
                                 });
        }
    }
}

void register_offloads(run::Metrics& metrics, const Datapath& datapath) {
    for (const auto& info : offload_table()) {
        run::Labels labels{{"name", std::string(info.name)}};
        if (!info.family.empty()) labels.push_back({"family", std::string(info.family)});
        metrics.gauge_from("ipref_gw_offload", "Whether the offload is in use", labels,
                           [&datapath, offload = info.offload] {
                               return datapath.offloads().on(offload) ? 1.0 : 0.0;
                           });
    }
    metrics.counter_from("ipref_gw_socket_overflows_total",
                         "Datagrams lost because a tunnel socket's buffer was full", {},
                         [&datapath] { return static_cast<double>(datapath.socket_overflows()); });
}

uint64_t sum(const Table& table, Usage::Of of, uint64_t Usage::*what) {
    uint64_t sum = 0;
    for (const auto& each : table.usage()) sum += each.of == of ? each.*what : 0;
    return sum;
}

PeerSeconds now() {
    return peer_seconds(std::chrono::steady_clock::now());
}

}  // namespace

std::map<std::string, uint64_t> datapath_counters(const Datapath& datapath) {
    std::map<std::string, uint64_t> out;
    for (const auto& row : kCounters) {
        const auto name = row.side == nullptr
                              ? std::string(row.name)
                              : fmt::format("{}{{side=\"{}\"}}", row.name, row.side);
        out[name] = total(datapath, row.counter);
    }
    return out;
}

std::vector<Dropped> dropped(const Datapath& datapath) {
    std::vector<Dropped> all;
    for (const auto& info : drop_reasons()) {
        const Dropped one{info, drops(datapath, info.reason, &WorkerCounters::out),
                          drops(datapath, info.reason, &WorkerCounters::in)};
        if (one.out + one.in != 0) all.push_back(one);
    }
    return all;
}

std::map<std::string, uint64_t> datapath_drops(const Datapath& datapath) {
    std::map<std::string, uint64_t> out;
    for (const auto& each : dropped(datapath))
        out[std::string(each.info.name)] = each.out + each.in;
    return out;
}

void register_build(run::Metrics& metrics) {
    metrics
        .gauge("ipref_gw_build_info", "What is running",
               {{"version", run::kRelease}, {"commit", run::kCommit}})
        .set(1);
}

void register_datapath(run::Metrics& metrics, const Datapath& datapath) {
    for (const auto& row : kCounters) {
        const auto labels = row.side == nullptr ? run::Labels{} : run::Labels{{"side", row.side}};
        metrics.counter_from(row.name, row.help, labels, [&datapath, counter = row.counter] {
            return static_cast<double>(total(datapath, counter));
        });
    }
    register_drops(metrics, datapath);
    register_offloads(metrics, datapath);
    metrics.gauge_from("ipref_gw_peers", "Remote gateways", {{"state", "active"}}, [&datapath] {
        return static_cast<double>(datapath.peers().active(now(), kPeerActive));
    });
    metrics.gauge_from("ipref_gw_peers", "Remote gateways", {{"state", "idle"}}, [&datapath] {
        const auto active = datapath.peers().active(now(), kPeerActive);
        return static_cast<double>(datapath.peers().count()) - static_cast<double>(active);
    });
    metrics.counter_from("ipref_gw_peers_evicted_total",
                         "Remote gateways that gave way to others; see -max-remote-gateways", {},
                         [&datapath] { return static_cast<double>(datapath.peers().evicted()); });
    metrics.counter_from(
        "ipref_gw_peers_untracked_total",
        "Uses of remote gateways that found no place: as many as allowed are in use", {},
        [&datapath] { return static_cast<double>(datapath.peers().untracked()); });
    metrics.gauge("ipref_gw_tun_mtu_bytes", "MTU of the TUN interface").set(datapath.tun_mtu());
    metrics.gauge("ipref_gw_threads", "Data-path threads").set(datapath.threads());
}

void register_table(run::Metrics& metrics, const Table& table) {
    const auto entries = [&](const char* kind, auto count) {
        metrics.gauge_from("ipref_mapper_entries", "Mappings held", {{"kind", kind}},
                           [&table, count] { return static_cast<double>(count(table)); });
    };
    entries("remote", [](const Table& t) { return t.count(Relation::remote); });
    entries("local", [](const Table& t) { return t.count(Relation::local); });
    entries("resting", [](const Table& t) { return t.resting(); });
    for (const auto& [kind, of] : {std::pair("remote", Usage::Of::remote),
                                   {"local", Usage::Of::local},
                                   {"static", Usage::Of::statics},
                                   {"source", Usage::Of::owners}}) {
        metrics.gauge_from("ipref_mapper_entries_limit",
                           "Most that may be held, the static ones of "
                           "remote and local apart",
                           {{"kind", kind}}, [&table, of = of] {
                               return static_cast<double>(sum(table, of, &Usage::limit));
                           });
    }
    entries("static", [](const Table& t) { return sum(t, Usage::Of::statics, &Usage::held); });
    entries("source", [](const Table& t) { return sum(t, Usage::Of::owners, &Usage::held); });
}

void register_store(run::Metrics& metrics, const Store& store) {
    metrics.gauge_from("ipref_mapper_state_failing",
                       "Whether mappings cannot be stored; new ones are refused then", {},
                       [&store] { return store.problem().empty() ? 0.0 : 1.0; });
    metrics.counter_from("ipref_mapper_state_write_failures_total",
                         "Times mappings could not be written to the disk", {},
                         [&store] { return static_cast<double>(store.failures()); });
    metrics.gauge_from("ipref_mapper_state_last_write_timestamp_seconds",
                       "When mappings were written to the disk last", {},
                       [&store] { return static_cast<double>(store.written()); });
}

}  // namespace ipref::gw

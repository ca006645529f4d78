// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/gateway.h"

#include <mapper.pb.h>

#include <algorithm>
#include <filesystem>

#include "common/run/log.h"
#include "common/run/sandbox.h"
#include "common/run/version.h"
#include "gw/metrics.h"
#include "gw/peer_metrics.h"
#include "gw/status_page/status_page.h"

namespace ipref::gw {

namespace {

std::string bytes_of(const net::Ip& ip) {
    return {reinterpret_cast<const char*>(ip.data()), ip.size()};
}

constexpr uint32_t kMostPeers = 500;  // in a page

void fill_peers(const Datapath& datapath, uint16_t default_port, const proto::PeersRequest& asked,
                proto::Peers& out) {
    const auto now = peer_seconds(std::chrono::steady_clock::now());
    const uint32_t most = asked.limit() == 0 ? kMostPeers : std::min(asked.limit(), kMostPeers);
    const auto page = datapath.peers().page(asked.cursor(), most, now);
    out.set_next(page.next);
    for (const auto& row : page.rows) {
        auto& peer = *out.add_peers();
        peer.set_ip(bytes_of(row.ip));
        peer.set_port(row.port != 0 ? row.port : default_port);
        peer.set_learned(row.port != 0);
        peer.set_path_mtu(row.path_mtu);
        peer.set_received_packets(row.received_packets);
        peer.set_received_bytes(row.received_bytes);
        peer.set_sent_packets(row.sent_packets);
        peer.set_sent_bytes(row.sent_bytes);
        peer.set_heard(row.last_received != 0);
        if (peer.heard())
            peer.set_last_received_seconds_ago(now - std::min(now, row.last_received));
        peer.set_last_used_seconds_ago(now - std::min(now, row.last_used));
        peer.set_port_changes(row.port_changes);
    }
}

void fill_offloads(const Offloads& offloads, proto::Status& status) {
    for (const auto& info : offload_table()) {
        const auto name = std::string(info.name) + std::string(info.family);
        (*status.mutable_offloads())[name] =
            offloads.on(info.offload) ? "on" : "off: " + offloads.why_off(info.offload);
    }
}

void fill_drops(const Datapath& datapath, proto::Counters& out) {
    for (const auto& each : dropped(datapath)) {
        auto& drop = *out.add_reasons();
        drop.set_reason(std::string(each.info.name));
        drop.set_text(std::string(each.info.text));
        drop.set_out(each.out);
        drop.set_in(each.in);
    }
}

DatapathOptions datapath_options(const Options& options) {
    DatapathOptions out;
    out.settings = translation_settings(options);
    for (const auto& each : options.gateways) out.binds.push_back(each.bind);
    out.encode_nets = options.encode_nets;
    out.port = options.gateway_port;
    out.remote_port = options.remote_gateway_port;
    out.interface_mtu = options.gateway_ifc_mtu;
    out.tun = options.tun;
    out.threads = worker_count(options);
    out.disabled_offloads = options.disabled_offloads;
    out.max_peers = options.max_remote_gateways;
    out.max_locals = options.max_local_ips;
    out.trace = (options.debug & run::topic_bit(run::Topic::packets)) != 0;
    return out;
}

/// Where the database grows, and where the mapper socket is removed in the end.
std::vector<std::string> writable(const Options& options) {
    const auto directory = std::filesystem::path(options.mapper_socket).parent_path();
    return {options.data, directory.empty() ? "." : directory.string()};
}

}  // namespace

MappingConfig mapping_config(const Options& options) {
    MappingConfig config;
    config.encode_nets = options.encode_nets;
    for (const auto& each : options.gateways) config.gateways.push_back(each.pub);
    config.gateway_ref = options.gateway_ref;
    config.limits.gateways = options.max_remote_gateways;
    return config;
}

Settings translation_settings(const Options& options) {
    Settings settings;
    for (const auto& net : options.encode_nets) {
        (net.ip().is_v4() ? settings.ea4 : settings.ea6) = encode_net(net);
    }
    for (const auto& each : options.gateways) {
        (each.pub.is_v4() ? settings.pub4 : settings.pub6) = each.pub;
    }
    settings.gateway_ref = options.gateway_ref;
    settings.dec_ttl = options.dec_ttl;
    return settings;
}

Gateway::Gateway(run::Loop& loop, const Options& options, run::FdStore& store,
                 std::function<void(std::string)> broken)
    : loop_(loop),
      options_(options),
      kept_(store),
      broken_(std::move(broken)),
      table_(mapping_config(options), clock_),
      wake_(loop, [this] { broken_(broken_by_); }),
      ticks_(loop, [this] { tick(); }) {}

Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::open(run::Loop& loop, const Options& options,
                                               run::FdStore& store,
                                               std::function<void(std::string)> broken) {
    std::unique_ptr<Gateway> gateway(new Gateway(loop, options, store, std::move(broken)));
    if (auto done = gateway->open_parts(); !done) return tl::unexpected(done.error());
    return gateway;
}

Result<void> Gateway::open_parts() {
    wake_.keep_alive(false);
    clock_.set(wall_time());
    // The table is complete before anybody can ask for a mapping or send a packet.
    auto store = Store::open(loop_, options_.data, table_, clock_);
    if (!store) return tl::unexpected(store.error());
    store_ = std::move(*store);
    if (!options_.devmode) {
        if (auto done = open_datapath(); !done) return done;
    }
    happenings_ = std::make_unique<Happenings>(table_, datapath_.get());
    BrokerOptions broker_options;
    broker_options.socket_path = options_.mapper_socket;
    auto broker = Broker::open(loop_, broker_options, table_, store_.get(), broker_sources(),
                               kept_.take("mapper"));
    if (!broker) return tl::unexpected(broker.error());
    broker_ = std::move(*broker);
    if (options_.metrics) {
        if (auto done = open_metrics(); !done) return done;
    }
    // Mappings that change start threads, which have to find the privileges given up.
    if (!options_.no_sandbox) run::confine_and_log({.writable = writable(options_)});
    hosts_ = std::make_unique<HostsFileOwner>(loop_, options_.hosts, table_);
    heartbeat_ = std::make_unique<Heartbeat>(loop_, clock_, table_);
    if (run::log_enabled(run::Topic::ticks))
        ticks_.start(run::Milliseconds(1000), run::Milliseconds(1000));
    if (datapath_ != nullptr) {
        datapath_->start([this](std::string why) {
            broken_by_ = std::move(why);
            wake_.send();
        });
    }
    return {};
}

Result<void> Gateway::open_datapath() {
    auto datapath = Datapath::open(datapath_options(options_), table_, kept_);
    if (!datapath) return tl::unexpected(datapath.error());
    datapath_ = std::move(*datapath);
    return {};
}

Result<void> Gateway::open_metrics() {
    register_build(metrics_);
    register_table(metrics_, table_);
    metrics_.gauge_from("ipref_mapper_clients", "Connections to the mapper socket", {},
                        [this] { return static_cast<double>(broker_->clients()); });
    register_store(metrics_, *store_);
    if (datapath_ != nullptr) {
        register_datapath(metrics_, *datapath_);
        if (options_.metrics_peers > 0) {
            metrics_.collector<PeerMetrics>().show(datapath_->peers(), options_.metrics_peers);
        }
    }
    http_ = std::make_unique<run::HttpServer>(loop_);
    // It answers from the first turn of the loop on, when everything is open.
    run::handle_health(*http_, metrics_, [this] { return store_->problem().empty(); });
    handle_status_page(*http_, [this] {
        return status_json(broker_->status(), table_, datapath_.get(),
                           options_.remote_gateway_port);
    });
    auto listening = http_->listen(*options_.metrics);
    if (!listening) return fail("-metrics {}", listening.error().text);
    return {};
}

BrokerSources Gateway::broker_sources() {
    BrokerSources sources;
    sources.status = [this](proto::Status& status) { fill_status(status); };
    sources.listen = [this](const proto::TraceRequest& wanted) { happenings_->listen(wanted); };
    sources.requests = &requests_;
    sources.happened = [this](proto::TraceEvents& out) { happenings_->take(out); };
    if (options_.devmode) return sources;
    sources.peers = [this](const proto::PeersRequest& asked, proto::Peers& peers) {
        fill_peers(*datapath_, options_.remote_gateway_port, asked, peers);
    };
    sources.counters = [this](proto::Counters& out) {
        for (const auto& [name, value] : datapath_counters(*datapath_)) {
            (*out.mutable_counters())[name] = value;
        }
        for (const auto& [name, value] : datapath_drops(*datapath_)) {
            (*out.mutable_drops())[name] = value;
        }
        fill_drops(*datapath_, out);
    };
    return sources;
}

void Gateway::fill_status(proto::Status& status) const {
    const auto up = std::chrono::steady_clock::now() - started_;
    status.set_uptime_seconds(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(up).count()));
    status.set_devmode(options_.devmode);
    if (const auto problem = hosts_->problem(); !problem.empty()) status.add_problems(problem);
    if (datapath_ == nullptr) return;
    status.set_tun(datapath_->tun_name());
    status.set_tun_mtu(datapath_->tun_mtu());
    status.set_gateway_port(options_.gateway_port);
    status.set_remote_gateway_port(options_.remote_gateway_port);
    status.set_threads(datapath_->threads());
    for (const auto& each : options_.gateways) status.add_gateway_bind(bytes_of(each.bind));
    status.set_peers(datapath_->peers().count());
    status.set_active_peers(
        datapath_->peers().active(peer_seconds(std::chrono::steady_clock::now()), kPeerActive));
    fill_offloads(datapath_->offloads(), status);
}

void Gateway::tick() {
    run::log_debug(run::Topic::ticks, "TICK mappings: {} remote, {} local, {} resting; peers: {}",
                   table_.count(Relation::remote), table_.count(Relation::local), table_.resting(),
                   datapath_ == nullptr ? 0 : datapath_->peers().count());
}

std::string Gateway::summary() const {
    if (datapath_ == nullptr) return fmt::format("mapper socket {} only", options_.mapper_socket);
    std::string out;
    for (const auto& each : options_.gateways) {
        out += fmt::format("gateway {} on {}, ", each.pub.str(),
                           net::Endpoint{each.bind, options_.gateway_port}.str());
    }
    out += datapath_->tun_name();
    for (const auto& net : options_.encode_nets) {
        out += fmt::format(" {}/{}", MappingConfig::own_ea(net).str(), net.bits());
    }
    return out + fmt::format(" MTU {}, {}, mapper socket {}", datapath_->tun_mtu(),
                             run::counted(datapath_->threads(), "thread"), options_.mapper_socket);
}

std::string Gateway::offloads() const {
    return datapath_ == nullptr ? "" : datapath_->offloads().summary();
}

bool Gateway::all_alive() {
    return datapath_ == nullptr || datapath_->all_alive();
}

}  // namespace ipref::gw

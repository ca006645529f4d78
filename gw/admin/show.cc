// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/show.h"

#include <algorithm>
#include <map>

#include "common/run/log.h"
#include "common/wire/mapper_frame.h"
#include "gw/admin/show_agents.h"
#include "gw/admin/text.h"

namespace ipref::gw::admin {

namespace {

using run::Json;

std::string endpoint(const std::string& ip, uint32_t port) {
    const auto parsed = wire::ip_from(ip);
    if (!parsed) return "?";
    return net::Endpoint{*parsed, static_cast<uint16_t>(port)}.str();
}

/// "tun-tso, udp-gso" of what is on, then each that is off with its reason.
std::string offloads(const proto::Status& status) {
    std::string on;
    std::string off;
    const std::map<std::string, std::string> sorted(status.offloads().begin(),
                                                    status.offloads().end());
    for (const auto& [name, state] : sorted) {
        if (state == "on") {
            on += fmt::format("{}{}", on.empty() ? "" : ", ", name);
        } else {
            off += fmt::format("\n{:14}{} {}", "", harmless(name), harmless(state));
        }
    }
    return (on.empty() ? "none" : harmless(on)) + off;
}

std::string clients(const proto::Status& status) {
    std::string text = std::to_string(status.clients());
    uint64_t named = 0;
    const std::map<std::string, uint64_t> sorted(status.programs().begin(),
                                                 status.programs().end());
    for (const auto& [name, count] : sorted) {
        text += fmt::format("{}{} {}", named == 0 ? ": " : ", ", count, harmless(name));
        named += count;
    }
    if (status.clients() > named) {
        text += fmt::format("{}{} V1", named == 0 ? ": " : ", ", status.clients() - named);
    }
    return text;
}

std::string sources_text(const proto::Status& status) {
    if (status.sources().empty()) return "sources       none\n";
    Columns columns({"source", ">hosts", "confirmed"});
    for (const auto& source : status.sources()) {
        columns.add({harmless(source.name()), std::to_string(source.hosts()),
                     duration(source.confirmed_seconds_ago()) + " ago"});
    }
    return "\n" + columns.take();
}

void put_status(const proto::Status& status, Json& json) {
    json.member("release", status.release()).member("commit", status.commit());
    json.member("uptime", status.uptime_seconds()).member("devmode", status.devmode());
    json.key("sites").open('[');
    for (const auto& site : status.sites()) {
        json.open('{')
            .member("encode_net",
                    fmt::format("{}/{}", address(site.encode_net()), site.encode_net_bits()))
            .member("gateway", address(site.gateway_pub()))
            .close('}');
    }
    json.close(']').key("listening").open('[');
    for (const auto& bind : status.gateway_bind()) {
        json.value(endpoint(bind, status.gateway_port()));
    }
    json.close(']').key("tun");
    if (status.tun().empty()) {
        json.null();
    } else {
        json.open('{').member("name", status.tun()).member("mtu", status.tun_mtu()).close('}');
    }
    json.member("threads", status.threads()).key("offloads").open('{');
    for (const auto& [name, state] :
         std::map<std::string, std::string>(status.offloads().begin(), status.offloads().end())) {
        json.member(name, state);
    }
    json.close('}');
}

}  // namespace

std::string address(const std::string& bytes) {
    const auto ip = wire::ip_from(bytes);
    return ip ? ip->str() : "?";
}

std::string ipref(const proto::IpRef& ipref) {
    const auto parsed = wire::ipref_from(ipref);
    return parsed ? parsed->str() : "?";
}

std::string harmless(std::string_view text) {
    std::string out(text);
    const auto odd = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
    std::ranges::replace_if(out, odd, '?');
    return out;
}

int status_exit(const proto::Status& status) {
    return status.problems().empty() ? 0 : 1;
}

std::string status_text(const proto::Status& status) {
    std::string out;
    const auto line = [&out](std::string_view name, const std::string& value) {
        out += fmt::format("{:<14}{}\n", name, value);
    };
    line("gateway", fmt::format("ipref-gw {} ({}), up {}", harmless(status.release()),
                                harmless(status.commit()), duration(status.uptime_seconds())));
    line("health", status.problems().empty() ? "healthy" : "degraded");
    for (const auto& problem : status.problems()) line("", harmless(problem));
    for (const auto& site : status.sites()) {
        line("site", fmt::format("encode network {}/{}, known as {}", address(site.encode_net()),
                                 site.encode_net_bits(), address(site.gateway_pub())));
    }
    for (const auto& bind : status.gateway_bind()) {
        line("listening", "UDP " + endpoint(bind, status.gateway_port()));
    }
    if (status.devmode()) {
        line("tunnel", "none: a mapper socket alone (-devmode)");
    } else {
        line("tunnel", fmt::format("{}, MTU {}, {}", harmless(status.tun()), status.tun_mtu(),
                                   run::counted(status.threads(), "thread")));
        line("offloads", offloads(status));
        line("peers", fmt::format("{}, {} of them heard of in the last 5 minutes", status.peers(),
                                  status.active_peers()));
    }
    line("mappings",
         fmt::format("{} of remote hosts, {} of ours, {} numbers resting", status.remote_mappings(),
                     status.local_mappings(), status.resting()));
    for (const auto& usage : status.usage()) {
        if (usage.held() == 0) continue;
        line("in use",
             fmt::format("{} of {} {}", usage.held(), usage.limit(), harmless(usage.what())));
    }
    line("clients", clients(status));
    return out + sources_text(status) + agents_text(status);
}

std::string status_json(const proto::Status& status) {
    Json json;
    json.open('{').member("schema", "ipref.status/1");
    json.member("health", status.problems().empty() ? "healthy" : "degraded");
    json.key("problems").open('[');
    for (const auto& problem : status.problems()) json.value(problem);
    json.close(']');
    put_status(status, json);
    json.key("mappings").open('{').member("remote", status.remote_mappings());
    json.member("local", status.local_mappings()).member("resting", status.resting()).close('}');
    json.key("usage").open('[');
    for (const auto& usage : status.usage()) {
        json.open('{').member("what", usage.what()).member("held", usage.held());
        json.member("limit", usage.limit()).member("for_packets", usage.for_packets()).close('}');
    }
    json.close(']');
    json.key("peers").open('{').member("known", status.peers());
    json.member("active", status.active_peers()).close('}');
    json.key("clients").open('{').member("connections", status.clients());
    json.key("programs").open('{');
    for (const auto& [name, count] :
         std::map<std::string, uint64_t>(status.programs().begin(), status.programs().end())) {
        json.member(name, count);
    }
    json.close('}').close('}').key("sources").open('[');
    for (const auto& source : status.sources()) {
        json.open('{').member("name", source.name()).member("hosts", source.hosts());
        json.member("hash", fmt::format("{:016x}", source.hash()));
        json.member("confirmed_ago", source.confirmed_seconds_ago());
        json.member("expires", source.expires()).close('}');
    }
    json.close(']').key("agents").open('[');
    for (const auto& agent : status.agents()) put_agent(agent, json);
    json.close(']').member("reports_left_out", status.reports_left_out()).close('}');
    return json.str() + '\n';
}

std::string peers_text(const std::vector<proto::Peers::Peer>& peers) {
    Columns columns(
        {"peer", "port", ">path MTU", ">received", "", ">sent", "", ">heard", ">port changes"});
    for (const auto& peer : peers) {
        columns.add({endpoint(peer.ip(), peer.port()), peer.learned() ? "learnt" : "default",
                     peer.path_mtu() == 0 ? "full" : std::to_string(peer.path_mtu()),
                     std::to_string(peer.received_packets()), bytes(peer.received_bytes()),
                     std::to_string(peer.sent_packets()), bytes(peer.sent_bytes()),
                     peer.heard() ? duration(peer.last_received_seconds_ago()) + " ago" : "never",
                     std::to_string(peer.port_changes())});
    }
    return peers.empty() ? "no peers: nothing was sent to or received from other gateways yet\n"
                         : columns.take();
}

std::string peers_json(const std::vector<proto::Peers::Peer>& peers) {
    Json json;
    json.open('{').member("schema", "ipref.peers/1").key("peers").open('[');
    for (const auto& peer : peers) {
        json.open('{').member("ip", address(peer.ip())).member("port", peer.port());
        json.member("learned", peer.learned()).key("path_mtu");
        peer.path_mtu() == 0 ? json.null() : json.value(peer.path_mtu());
        json.member("received_packets", peer.received_packets());
        json.member("received_bytes", peer.received_bytes());
        json.member("sent_packets", peer.sent_packets());
        json.member("sent_bytes", peer.sent_bytes()).key("heard_ago");
        peer.heard() ? json.value(peer.last_received_seconds_ago()) : json.null();
        json.member("used_ago", peer.last_used_seconds_ago());
        json.member("port_changes", peer.port_changes()).close('}');
    }
    json.close(']').close('}');
    return json.str() + '\n';
}

std::string counters_text(const proto::Counters& counters) {
    Columns columns({"counter", ">value"});
    for (const auto& [name, value] :
         std::map<std::string, uint64_t>(counters.counters().begin(), counters.counters().end())) {
        columns.add({harmless(name), std::to_string(value)});
    }
    return columns.take();
}

std::string counters_json(const proto::Counters& counters) {
    Json json;
    json.open('{').member("schema", "ipref.counters/1").key("counters").open('{');
    for (const auto& [name, value] :
         std::map<std::string, uint64_t>(counters.counters().begin(), counters.counters().end())) {
        json.member(name, value);
    }
    json.close('}').close('}');
    return json.str() + '\n';
}

std::string drops_text(const proto::Counters& counters) {
    if (counters.reasons().empty()) return "no packet was dropped\n";
    Columns columns({"reason", ">into tunnel", ">out of it", "meaning"});
    for (const auto& drop : counters.reasons()) {
        columns.add({harmless(drop.reason()), std::to_string(drop.out()), std::to_string(drop.in()),
                     harmless(drop.text())});
    }
    return columns.take();
}

std::string drops_json(const proto::Counters& counters) {
    Json json;
    json.open('{').member("schema", "ipref.drops/1").key("drops").open('[');
    for (const auto& drop : counters.reasons()) {
        json.open('{').member("reason", drop.reason()).member("count", drop.out() + drop.in());
        json.member("out", drop.out()).member("in", drop.in());
        json.member("text", drop.text()).close('}');
    }
    json.close(']').close('}');
    return json.str() + '\n';
}

}  // namespace ipref::gw::admin

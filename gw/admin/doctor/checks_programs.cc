// SPDX-License-Identifier: GPL-2.0-or-later
// The programs that work together, and the socket between them.
#include <sys/stat.h>

#include "gw/admin/doctor/finding.h"

namespace ipref::gw::admin {

namespace {

constexpr std::string_view kAgent = "ipref-dns-agent";
constexpr std::string_view kResolver = "ipref-coredns";
constexpr uint16_t kDnsPort = 53;
constexpr uint64_t kNearlyFull = 80;  // percent

uint64_t connected(const proto::Status& status, std::string_view program) {
    const auto found = status.programs().find(std::string(program));
    return found == status.programs().end() ? 0 : found->second;
}

/// Clients that said no hello: deployed programs of either kind.
uint64_t unnamed(const proto::Status& status) {
    uint64_t named = 0;
    for (const auto& [name, count] : status.programs()) named += count;
    return status.clients() - std::min(named, status.clients());
}

/// Who keeps ipref-coredns, which is not connected, from port 53.
std::optional<Finding> port_taken(Outside& outside) {
    const auto owner = outside.udp_owner(kDnsPort);
    if (!owner || owner->name == kResolver) return std::nullopt;
    Finding taken{
        Level::warn,
        "resolver",
        fmt::format("UDP port {} is taken by {} (process {})", kDnsPort, owner->name, owner->pid),
        {}};
    if (owner->name != "systemd-resolve") {  // the kernel cuts names after 15 characters
        taken.mend = {fmt::format("kill {}", owner->pid), "systemctl restart ipref-coredns"};
        return taken;
    }
    taken.text +=
        ", on 127.0.0.53: the DNS server has to leave it that address, and be asked by it";
    taken.mend = {"sed -i 's/# bind 127.0.0.2$/bind 127.0.0.2/' /etc/ipref/Corefile",
                  "mkdir -p /etc/systemd/resolved.conf.d",
                  R"(printf '[Resolve]\nDNS=127.0.0.2\nDomains=~.\n')"
                  " > /etc/systemd/resolved.conf.d/ipref.conf",
                  "systemctl restart systemd-resolved ipref-coredns"};
    return taken;
}

std::optional<net::Endpoint> system_resolver(Outside& outside) {
    const std::string text = outside.read("/etc/resolv.conf").value_or("");
    for (size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (!line.starts_with("nameserver ") && !line.starts_with("nameserver\t")) continue;
        const auto start = line.find_first_not_of(" \t", 10);
        if (start == std::string::npos) continue;
        const auto stop = line.find_first_of(" \t#%", start);
        const auto server = net::Ip::parse(line.substr(start, stop - start));
        if (server) return net::Endpoint{*server, 53};
    }
    return std::nullopt;
}

/// A DNS server that does not answer; ours can be restarted.
Finding silent(const net::Endpoint& server, Outside& outside) {
    Finding finding{Level::fail, "resolver",
                    fmt::format("no answer from the DNS server {}", server.str())};
    if (outside.bind_udp({server.ip, 0}) == 0) {
        finding.mend = {"systemctl restart ipref-coredns"};
    } else {
        finding.text +=
            ", which is not on this machine: it may be down, or not be reached from here";
    }
    return finding;
}

}  // namespace

Findings check_gateway(const Situation& situation, Outside&) {
    if (!situation.gateway) {
        Finding none{Level::fail, "gateway", situation.no_gateway};
        if (situation.root) none.mend = {"systemctl start ipref-gateway"};
        return {std::move(none)};
    }
    Findings findings;
    for (const auto& problem : situation.gateway->problems()) {
        findings.push_back({Level::warn, "gateway", problem});
    }
    if (findings.empty()) {
        findings.push_back({Level::ok, "gateway",
                            fmt::format("ipref-gw {} answers", situation.gateway->release())});
    }
    return findings;
}

Findings check_limits(const Situation& situation, Outside&) {
    if (!situation.gateway || situation.gateway->usage().empty()) return {};
    Findings findings;
    for (const auto& usage : situation.gateway->usage()) {
        const auto use =
            fmt::format("{} of {} {} are in use", usage.held(), usage.limit(), usage.what());
        if (usage.held() >= usage.limit()) {
            findings.push_back({Level::fail, "limits",
                                use + ": new ones are refused; those not used "
                                      "for four hours end by themselves"});
        } else if (usage.held() >= usage.for_packets()) {
            findings.push_back(
                {Level::warn, "limits",
                 use + ": packets of hosts that nobody here has "
                       "asked for get no more of them; a larger -encode-net has more"});
        } else if (usage.held() >= usage.limit() / 100 * kNearlyFull) {
            findings.push_back({Level::warn, "limits", use});
        }
    }
    if (findings.empty()) {
        findings.push_back({Level::ok, "limits", "all limits are far away"});
    }
    return findings;
}

Findings check_socket(const Situation& situation, Outside& outside) {
    const auto& path = situation.mapper_socket;
    const auto socket = outside.file(path);
    if (!socket) return {};
    if (!S_ISSOCK(socket->mode)) {
        return {{Level::fail,
                 "socket",
                 path + " is there, but is no socket",
                 {fmt::format("mv {0} {0}.old", path)}}};
    }
    Findings findings;
    if ((socket->mode & 0060) != 0060) {
        findings.push_back({Level::fail,
                            "socket",
                            fmt::format("the group {} may not use {}: agent and DNS server cannot "
                                        "connect unless they are root",
                                        socket->group, path),
                            {fmt::format("chmod 0660 {}", path)}});
    } else if ((socket->mode & 0007) != 0) {
        findings.push_back({Level::warn,
                            "socket",
                            fmt::format("every user of this machine may use {}", path),
                            {fmt::format("chmod 0660 {}", path)}});
    }
    const auto directory = path.substr(0, path.rfind('/'));
    const auto above = outside.file(directory);
    if (above && (above->mode & 0010) == 0) {
        findings.push_back({Level::fail,
                            "socket",
                            fmt::format("the group {} may not enter {}", above->group, directory),
                            {fmt::format("chmod 0775 {}", directory)}});
    }
    if (findings.empty()) {
        findings.push_back(
            {Level::ok, "socket", fmt::format("{} is open to the group {}", path, socket->group)});
    }
    return findings;
}

Findings check_resolver(const Situation& situation, Outside& outside) {
    Findings findings;
    if (!situation.gateway || connected(*situation.gateway, kResolver) == 0) {
        if (auto taken = port_taken(outside)) findings.push_back(std::move(*taken));
    }
    if (situation.gateway && connected(*situation.gateway, kResolver) == 0 && findings.empty()) {
        const bool maybe = unnamed(*situation.gateway) > 0;
        findings.push_back(
            {maybe ? Level::ok : Level::warn, "resolver",
             maybe ? "no ipref-coredns is connected to the mapper, a V1 client is"
                   : "no DNS server is connected to the mapper (one connects when it is asked for "
                     "a name first)",
             maybe ? std::vector<std::string>{}
                   : std::vector<std::string>{"systemctl start ipref-coredns"}});
    }
    const auto server = situation.resolver ? situation.resolver : system_resolver(outside);
    if (!server) {
        findings.push_back(
            {Level::warn, "resolver",
             "/etc/resolv.conf names no DNS server; say which to ask with -resolver"});
    } else if (!outside.dns_answers(*server)) {
        findings.push_back(silent(*server, outside));
    } else {
        findings.push_back(
            {Level::ok, "resolver", fmt::format("the DNS server {} answers", server->str())});
    }
    return findings;
}

Findings check_agent(const Situation& situation, Outside&) {
    if (!situation.gateway) return {};
    if (connected(*situation.gateway, kAgent) > 0) {
        return {{Level::ok, "agent", "ipref-dns-agent is connected"}};
    }
    for (const auto& source : situation.gateway->sources()) {
        if (!source.expires()) continue;
        return {{unnamed(*situation.gateway) > 0 ? Level::ok : Level::fail,
                 "agent",
                 fmt::format("no ipref-dns-agent is connected; the hosts of {} stay published for "
                             "4 hours after it confirmed them last",
                             source.name()),
                 {"systemctl start ipref-dns-agent"}}};
    }
    return {{Level::ok, "agent", "no ipref-dns-agent is connected, and none has published hosts"}};
}

}  // namespace ipref::gw::admin

// SPDX-License-Identifier: GPL-2.0-or-later
// What the network must be like: the TUN interface, routes, the UDP port.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gw/admin/doctor/finding.h"
#include "gw/admin/doctor/routes.h"

namespace ipref::gw::admin {

namespace {

constexpr uint32_t kLeastMtu6 = 1280;  // RFC 8200, section 5

std::vector<Route> routes(net::Family family, Outside& outside) {
    if (family == net::Family::v4) {
        return parse_routes4(outside.read("/proc/net/route").value_or(""));
    }
    return parse_routes6(outside.read("/proc/net/ipv6_route").value_or(""));
}

std::string ip_command(net::Family family) {
    return family == net::Family::v4 ? "ip route" : "ip -6 route";
}

Finding overlap(const net::Cidr& net, const Route& route) {
    if (route.to.bits() >= net.bits()) {
        return {Level::fail,
                "overlap",
                fmt::format("the route to {} through {} takes part of the encode network {}: give "
                            "the gateway another -encode-net, or remove the route",
                            route.to.str(), route.device, net.str()),
                {fmt::format("{} del {} dev {}", ip_command(net.family()), route.to.str(),
                             route.device)}};
    }
    return {
        Level::warn, "overlap",
        fmt::format("the encode network {} lies in {}, which is reached through {}: hosts there "
                    "whose addresses are in the encode network cannot be reached",
                    net.str(), route.to.str(), route.device)};
}

/// Just what a gateway makes, and none has been asked: to remove it would cut that one off.
Finding somebody_elses(const Route& route) {
    return {Level::warn, "overlap",
            fmt::format("{} has a route to {} already: a gateway that has not answered, or another "
                        "one",
                        route.device, route.to.str())};
}

}  // namespace

Findings check_interface(const Situation& situation, Outside& outside) {
    const auto tun = situation.tun();
    if (tun.empty()) return {};
    const auto found = outside.interface(tun);
    if (!found) {
        return {{Level::fail, "interface",
                 fmt::format("the gateway's interface {} is not in this network namespace", tun)}};
    }
    Findings findings;
    if (!found->up) {
        findings.push_back({Level::fail,
                            "interface",
                            fmt::format("{} is down", tun),
                            {fmt::format("ip link set {} up", tun)}});
    }
    const uint32_t wanted = situation.gateway->tun_mtu();
    if (found->mtu != wanted) {
        const bool large = found->mtu > wanted;
        findings.push_back(
            {large ? Level::fail : Level::warn,
             "mtu",
             fmt::format("{} has an MTU of {}, the gateway gave it {}: {}", tun, found->mtu, wanted,
                         large ? "large packets will not fit the tunnel"
                               : "packets are smaller than they need to be"),
             {fmt::format("ip link set {} mtu {}", tun, wanted)}});
    }
    if (wanted < kLeastMtu6 && situation.encode_nets.front().ip().is_v6()) {
        findings.push_back({Level::warn, "mtu",
                            fmt::format("{} has an MTU of {}, IPv6 needs {}: the interface to the "
                                        "Internet is too small",
                                        tun, wanted, kLeastMtu6)});
    }
    if (findings.empty()) {
        findings.push_back(
            {Level::ok, "interface", fmt::format("{} is up, its MTU is {}", tun, wanted)});
    }
    return findings;
}

Findings check_route(const Situation& situation, Outside& outside) {
    const auto tun = situation.tun();
    if (tun.empty()) return {};
    Findings findings;
    for (const auto& net : situation.encode_nets) {
        const auto all = routes(net.family(), outside);
        const bool there = std::ranges::any_of(
            all, [&](const Route& route) { return route.to == net && route.device == tun; });
        if (there) {
            findings.push_back(
                {Level::ok, "route", fmt::format("{} is routed into {}", net.str(), tun)});
        } else {
            findings.push_back(
                {Level::fail,
                 "route",
                 fmt::format("no route leads {} into {}", net.str(), tun),
                 {fmt::format("{} add {} dev {}", ip_command(net.family()), net.str(), tun)}});
        }
    }
    return findings;
}

Findings check_overlap(const Situation& situation, Outside& outside) {
    Findings findings;
    for (const auto& net : situation.encode_nets) {
        for (const auto& route : routes(net.family(), outside)) {
            const bool ours = route.device == situation.tun() || route.device == "lo";
            if (ours || route.to.bits() == 0 || !route.to.overlaps(net)) continue;
            const bool taken = !situation.gateway && route.to == net;
            findings.push_back(taken ? somebody_elses(route) : overlap(net, route));
        }
    }
    if (findings.empty()) {
        findings.push_back({Level::ok, "overlap", "no other route overlaps the encode network"});
    }
    return findings;
}

Findings check_port(const Situation& situation, Outside& outside) {
    if (situation.gateway && !situation.tun().empty()) {
        return {{Level::ok, "port", fmt::format("the gateway has UDP port {}", situation.port)}};
    }
    Findings findings;
    for (const auto& bind : situation.binds) {
        const net::Endpoint at{bind, situation.port};
        const int error = outside.bind_udp(at);
        if (error == EADDRINUSE) {
            const auto owner = outside.udp_owner(situation.port);
            Finding taken{
                Level::fail, "port",
                fmt::format("UDP {} is taken by {}", at.str(),
                            owner ? fmt::format("{} (process {})", owner->name, owner->pid)
                                  : "another process")};
            if (owner) taken.mend = {fmt::format("kill {}", owner->pid)};
            findings.push_back(std::move(taken));
        } else if (error != 0) {
            findings.push_back(
                {Level::fail, "port",
                 fmt::format("UDP {} cannot be listened on: {}", at.str(), strerror(error))});
        } else {
            findings.push_back({Level::ok, "port", fmt::format("UDP {} is free", at.str())});
        }
    }
    return findings;
}

}  // namespace ipref::gw::admin

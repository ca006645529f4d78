// SPDX-License-Identifier: GPL-2.0-or-later
// The way to other gateways: the address they know this one by, whether they answer, what fits.
#include <algorithm>
#include <array>
#include <charconv>

#include "common/wire/mapper_frame.h"
#include "gw/admin/doctor/finding.h"

namespace ipref::gw::admin {

namespace {

constexpr uint64_t kRecent = 300;    // seconds since a peer was used: what is older tells nothing
constexpr uint64_t kManySent = 3;    // packets; fewer may still be answered
constexpr size_t kMostProbed = 4;    // peers whose path is measured: some seconds each at worst
constexpr uint32_t kPingHeader = 8;  // ICMP echo, RFC 792 and 4443
constexpr uint32_t kStep = 4;        // how exactly a path is measured

net::Cidr cidr(std::string_view text) {
    return net::Cidr::parse(text).value();
}

/// RFC 1918, 6598 and 4193: nobody on the Internet reaches these.
bool is_private(const net::Ip& ip) {
    static const std::array<net::Cidr, 5> kPrivate{cidr("10.0.0.0/8"), cidr("172.16.0.0/12"),
                                                   cidr("192.168.0.0/16"), cidr("100.64.0.0/10"),
                                                   cidr("fc00::/7")};
    return std::ranges::any_of(kPrivate, [&](const net::Cidr& net) { return net.contains(ip); });
}

/// Commands that add an option of the packaged unit; what is given last counts.
std::vector<std::string> add_option(std::string_view option) {
    return {fmt::format("sed -i '/^IPREF_GATEWAY_OPTIONS=/s/\"$/ {}\"/' /etc/ipref/gateway.env",
                        option),
            "systemctl restart ipref-gateway"};
}

std::vector<net::Ip> contexts(const proto::Status& status) {
    std::vector<net::Ip> all;
    for (const auto& site : status.sites()) {
        const auto ip = wire::ip_from(site.gateway_pub());
        if (ip && std::ranges::find(all, *ip) == all.end()) all.push_back(*ip);
    }
    return all;
}

Finding examine_context(const net::Ip& context, const Situation& situation, Outside& outside) {
    if (context.is_zero()) {
        return {Level::ok, "address",
                "remote gateways take the address that they see (client mode): to publish hosts, "
                "give the public one as -gateway-pub"};
    }
    if (is_private(context)) {
        return {Level::warn, "address",
                fmt::format("{0} is a private address, and other sites cannot send to it: behind a "
                            "NAT, have UDP {1} forwarded and give the router's public address as "
                            "-gateway-pub; to reach others only, 0.0.0.0 will do",
                            context.str(), situation.port),
                add_option("-gateway-pub 0.0.0.0")};
    }
    if (outside.bind_udp({context, 0}) != 0) {
        return {Level::ok, "address",
                fmt::format("{} is not of this machine: the router that has it must forward UDP {} "
                            "here",
                            context.str(), situation.port)};
    }
    return {Level::ok, "address", fmt::format("{} is an address of this machine", context.str())};
}

/// The number after a word of a program's output: "mtu 1400".
std::optional<uint32_t> number_after(std::string_view text, std::string_view word) {
    const auto at = text.find(word);
    if (at == std::string_view::npos) return std::nullopt;
    const auto rest = text.substr(at + word.size());
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// The way to a gateway, measured by pings that may not be cut.
class Path {
  public:
    Path(const net::Ip& to, Outside& outside) : to_(to), outside_(outside) {}

    /// Whether a packet of so many bytes comes back; a lost one is sent once more.
    bool passes(uint32_t bytes) { return ping(bytes) || ping(bytes); }

    /// The most that passes, where `least` does and `most` does not.
    uint32_t measure(uint32_t least, uint32_t most) {
        while (most - least > kStep) {
            const uint32_t middle = (least + most) / 2 / kStep * kStep;
            (passes(middle) ? least : most) = middle;
        }
        return least;
    }

    /// What the kernel says of it: the interface's MTU, or less that it was told by the network.
    std::optional<uint32_t> told() {
        const auto route = outside_.run({"ip", "-o", "route", "get", to_.str()});
        if (!route) return std::nullopt;
        if (const auto mtu = number_after(*route, " mtu ")) return mtu;
        const auto dev = route->find(" dev ");
        if (dev == std::string::npos) return std::nullopt;
        const auto name = route->substr(dev + 5, route->find(' ', dev + 5) - dev - 5);
        const auto found = outside_.interface(name);
        return found ? std::optional(found->mtu) : std::nullopt;
    }

  private:
    bool ping(uint32_t bytes) {
        const auto header = static_cast<uint32_t>(net::header_size(to_.family())) + kPingHeader;
        return outside_
            .run({"ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s",
                  std::to_string(bytes - header), to_.str()})
            .has_value();
    }

    net::Ip to_;
    Outside& outside_;
};

/// The packets that the gateway makes are so large at most, with all headers: what the MTU of the
/// TUN was worked out from (translate/mtu.h).
uint32_t largest_packet(const Situation& situation, net::Family gateway) {
    const auto inside = net::header_size(situation.encode_nets.front().family());
    const uint32_t saved = gateway == net::Family::v4 ? 24 : 0;
    return situation.gateway->tun_mtu() + 84 - static_cast<uint32_t>(inside) - saved;
}

/// Nothing if the gateway there does not answer pings.
std::optional<Finding> examine_path(const net::Ip& to, const Situation& situation,
                                    Outside& outside) {
    Path path(to, outside);
    const uint32_t least = to.is_v4() ? 576 : 1280;
    const auto told = path.told();
    if (!told || !path.passes(least)) return std::nullopt;
    const uint32_t most = std::min(largest_packet(situation, to.family()), *told);
    if (most <= least || path.passes(most)) {
        return Finding{Level::ok, "path", fmt::format("{} bytes reach {}", most, to.str())};
    }
    const uint32_t measured = path.measure(least, most);
    if (path.told().value_or(most) < most) {
        return Finding{Level::ok, "path",
                       fmt::format("{} bytes reach {}; the network says when they are more",
                                   measured, to.str())};
    }
    return Finding{Level::warn, "path",
                   fmt::format("{} bytes reach {}, larger packets are lost without a word: large "
                               "transfers hang unless the gateway is told",
                               measured, to.str()),
                   add_option(fmt::format("-gateway-ifc-mtu {}", measured))};
}

}  // namespace

Findings check_address(const Situation& situation, Outside& outside) {
    if (situation.tun().empty()) return {};
    Findings findings;
    for (const auto& context : contexts(*situation.gateway)) {
        findings.push_back(examine_context(context, situation, outside));
    }
    return findings;
}

Findings check_peers(const Situation& situation, Outside&) {
    Findings findings;
    for (const auto& peer : situation.peers) {
        const auto ip = wire::ip_from(peer.ip());
        if (!ip || peer.heard() || peer.sent_packets() < kManySent ||
            peer.last_used_seconds_ago() > kRecent) {
            continue;
        }
        findings.push_back(
            {Level::warn, "peers",
             fmt::format("{} was sent {} packets and was never heard: no gateway runs there, or a "
                         "firewall or NAT keeps UDP {} from it. Where both sides are behind NATs, "
                         "one of them has to forward that port",
                         ip->str(), peer.sent_packets(), peer.port())});
    }
    if (findings.empty() && !situation.peers.empty()) {
        findings.push_back({Level::ok, "peers", "every gateway that was sent to has been heard"});
    }
    return findings;
}

Findings check_paths(const Situation& situation, Outside& outside) {
    std::vector<const proto::Peers::Peer*> used;
    for (const auto& peer : situation.peers) {
        if (peer.heard() && peer.last_used_seconds_ago() <= kRecent) used.push_back(&peer);
    }
    std::ranges::sort(used, {}, &proto::Peers::Peer::last_used_seconds_ago);
    used.resize(std::min(used.size(), kMostProbed));
    Findings findings;
    for (const auto* peer : used) {
        const auto ip = wire::ip_from(peer->ip());
        if (!ip) continue;
        if (auto found = examine_path(*ip, situation, outside)) findings.push_back(*found);
    }
    return findings;
}

}  // namespace ipref::gw::admin

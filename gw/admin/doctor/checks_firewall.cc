// SPDX-License-Identifier: GPL-2.0-or-later
// Packet filters that drop what the gateway needs: packets between the local network and the TUN,
// and datagrams to the tunnel's port.
#include "gw/admin/doctor/finding.h"
#include "gw/admin/doctor/firewall.h"

namespace ipref::gw::admin {

namespace {

/// Before the gateway runs its interface has no name yet.
std::string tun_of(const Situation& situation) {
    return situation.tun().empty() ? "tun0" : situation.tun();
}

void put(Findings& found, const Judgement& judgement, const std::string& what,
         std::vector<std::string> mend) {
    if (judgement.verdict != Verdict::drop) return;
    found.push_back(
        {judgement.unsure ? Level::warn : Level::fail, "firewall",
         what + (judgement.unsure ? ", unless a rule with conditions lets it pass" : ""),
         std::move(mend)});
}

/// Packets from the tunnel to the local network and back, in a chain that sees forwarded packets.
void forwarded(const Chains& chains, const std::string& chain, const net::Cidr& net,
               const std::string& tun, const std::string& named,
               const std::vector<std::string>& mend, Findings& found) {
    PassingPacket from;
    from.in = tun;
    from.source = net;
    put(found, judge(chains, chain, from),
        fmt::format("{} drops packets from {} to the local network", named, tun), {mend[0]});
    PassingPacket to;
    to.out = tun;
    to.destination = net;
    put(found, judge(chains, chain, to),
        fmt::format("{} drops packets from the local network to {}", named, tun), {mend[1]});
}

PassingPacket datagram(uint16_t port) {
    PassingPacket packet;
    packet.protocol = "udp";
    packet.port = port;
    return packet;
}

void check_iptables(const Situation& situation, const std::string& tool, net::Family family,
                    const Chains& chains, Findings& found) {
    const auto tun = tun_of(situation);
    for (const auto& net : situation.encode_nets) {
        if (net.family() != family) continue;
        forwarded(chains, "FORWARD", net, tun, tool,
                  {fmt::format("{} -I FORWARD -i {} -j ACCEPT", tool, tun),
                   fmt::format("{} -I FORWARD -o {} -j ACCEPT", tool, tun)},
                  found);
    }
    for (const auto& bind : situation.binds) {
        if (bind.family() != family) continue;
        put(found, judge(chains, "INPUT", datagram(situation.port)),
            fmt::format("{} drops the tunnel's datagrams, UDP port {}", tool, situation.port),
            {fmt::format("{} -I INPUT -p udp --dport {} -j ACCEPT", tool, situation.port)});
    }
}

bool covers(const std::string& table, net::Family family) {
    return table.starts_with("inet ") ||
           table.starts_with(family == net::Family::v4 ? "ip " : "ip6 ");
}

void check_nft(const Situation& situation, const Chains& chains, Findings& found) {
    const auto tun = tun_of(situation);
    for (const auto& [name, chain] : chains) {
        const auto insert = fmt::format("nft insert rule {}", name);
        const auto named = fmt::format("nftables, chain {},", name);
        for (const auto& net : situation.encode_nets) {
            if (chain.hook != "forward" || !covers(chain.table, net.family())) continue;
            forwarded(chains, name, net, tun, named,
                      {fmt::format("{} iifname {} accept", insert, tun),
                       fmt::format("{} oifname {} accept", insert, tun)},
                      found);
        }
        for (const auto& bind : situation.binds) {
            if (chain.hook != "input" || !covers(chain.table, bind.family())) continue;
            put(found, judge(chains, name, datagram(situation.port)),
                fmt::format("{} drops the tunnel's datagrams, UDP port {}", named, situation.port),
                {fmt::format("{} udp dport {} accept", insert, situation.port)});
        }
    }
}

}  // namespace

Findings check_firewall(const Situation& situation, Outside& outside) {
    Findings found;
    bool iptables = false;
    bool any = false;
    for (const auto& [tool, family] :
         {std::pair("iptables", net::Family::v4), std::pair("ip6tables", net::Family::v6)}) {
        if (!situation.uses(family)) continue;
        const auto listing = outside.run({tool, "-S"});
        if (!listing) continue;
        iptables = any = true;
        check_iptables(situation, tool, family, parse_iptables(*listing), found);
    }
    if (const auto listing = outside.run({"nft", "list", "ruleset"})) {
        any = true;
        check_nft(situation, parse_nft(*listing, iptables), found);
    }
    if (!any) {
        return {{Level::warn, "firewall",
                 "neither iptables nor nft can be asked (not installed, or not root): whether a "
                 "firewall is in the way is not known"}};
    }
    if (found.empty()) {
        found.push_back(
            {Level::ok, "firewall", "no rule is seen that drops what the gateway needs"});
    }
    return found;
}

}  // namespace ipref::gw::admin

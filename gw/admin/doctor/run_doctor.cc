// SPDX-License-Identifier: GPL-2.0-or-later
// The command line of `ipref-gw doctor`.
#include <unistd.h>

#include <algorithm>

#include "common/wire/mapper_frame.h"
#include "gw/admin/command.h"
#include "gw/admin/doctor/finding.h"

namespace ipref::gw::admin {

namespace {

struct Wanted {
    Common common;
    std::vector<net::Cidr> encode_nets;
    std::vector<net::Ip> binds;
    uint32_t port = 1045;
    std::optional<net::Endpoint> resolver;
};

void add_options(run::Flags& flags, Wanted& wanted) {
    flags.add({"encode-net", "CIDR", "",
               "encode network to check for, if no gateway runs that can be asked (10.240.0.0/12).",
               [&wanted](std::string_view text) -> Result<void> {
                   const auto cidr = net::Cidr::parse(text);
                   if (!cidr) return tl::unexpected(cidr.error());
                   wanted.encode_nets.push_back(*cidr);
                   return {};
               }});
    flags.add({"gateway-bind", "IP", "",
               "address that the gateway is to listen on, likewise (0.0.0.0).",
               [&wanted](std::string_view text) -> Result<void> {
                   const auto ip = net::Ip::parse(text);
                   if (!ip) return tl::unexpected(ip.error());
                   wanted.binds.push_back(*ip);
                   return {};
               }});
    flags.number("gateway-port", wanted.port, 1, 65535, "UDP port of the gateway, likewise.");
    flags.add({"resolver", "IP[:PORT]", "",
               "DNS server that has to answer; the first of /etc/resolv.conf if not given.",
               [&wanted](std::string_view text) -> Result<void> {
                   const auto at = net::Endpoint::parse(text, 53);
                   if (!at) return tl::unexpected(at.error());
                   wanted.resolver = *at;
                   return {};
               }});
}

/// What runs counts, before what the command line says.
Situation situation_of(const Wanted& wanted) {
    Situation situation;
    situation.root = ::geteuid() == 0;
    situation.mapper_socket = wanted.common.mapper_socket;
    situation.encode_nets = wanted.encode_nets;
    situation.binds = wanted.binds;
    situation.port = static_cast<uint16_t>(wanted.port);
    situation.resolver = wanted.resolver;
    if (auto status = ask_status(wanted.common.mapper_socket)) {
        situation.encode_nets.clear();
        situation.binds.clear();
        for (const auto& site : status->sites()) {
            const auto ip = wire::ip_from(site.encode_net());
            if (!ip || site.encode_net_bits() > ip->size() * 8) continue;
            const net::Cidr net(*ip, site.encode_net_bits());
            if (std::ranges::find(situation.encode_nets, net) == situation.encode_nets.end()) {
                situation.encode_nets.push_back(net);
            }
        }
        for (const auto& bind : status->gateway_bind()) {
            if (const auto ip = wire::ip_from(bind)) situation.binds.push_back(*ip);
        }
        if (status->gateway_port() != 0) {
            situation.port = static_cast<uint16_t>(status->gateway_port());
        }
        situation.gateway = std::move(*status);
        if (auto peers = ask_peers(wanted.common.mapper_socket)) situation.peers = *peers;
    } else {
        situation.no_gateway = status.error().text;
    }
    if (situation.encode_nets.empty()) {
        situation.encode_nets.emplace_back(net::Ip::v4(0x0af00000), 12);
    }
    if (situation.binds.empty()) situation.binds.push_back(net::Ip::any(net::Family::v4));
    return situation;
}

}  // namespace

int run_doctor(const std::vector<std::string>& arguments) {
    Wanted wanted;
    auto flags = flags_of("doctor",
                          "Looks for what breaks in practice, on this machine, as root, and prints "
                          "with each finding the command that mends it. Changes nothing. Exit "
                          "status 0: all is well, 1: something is to look at, 2: something cannot "
                          "work.",
                          wanted.common);
    add_options(flags, wanted);
    if (const auto ended = read_options(flags, arguments)) return *ended;
    const auto outside = this_machine();
    const auto findings = examine(situation_of(wanted), *outside);
    const int printed =
        print(wanted.common.json ? findings_json(findings) : findings_text(findings));
    return printed != exit_ok ? printed : findings_exit(findings);
}

}  // namespace ipref::gw::admin

// SPDX-License-Identifier: GPL-2.0-or-later
// What the doctor finds, and what it looks for.
#pragma once

#include <mapper.pb.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gw/admin/doctor/outside.h"

namespace ipref::gw::admin {

enum class Level : uint8_t { ok, warn, fail };

struct Finding {
    Level level = Level::ok;
    std::string_view check;  ///< one word: "forwarding"
    std::string text;        ///< a sentence without its full stop
    /// Commands that mend it, as root, in this order; none if it is well or no command can.
    std::vector<std::string> mend = {};
};
using Findings = std::vector<Finding>;

/// What is known of the gateway before anything is checked.
struct Situation {
    std::optional<proto::Status> gateway;  ///< if one answers
    std::string no_gateway;                ///< else why not
    bool root = true;                      ///< who else asks does not see everything
    std::string mapper_socket;
    std::vector<net::Cidr> encode_nets;  ///< at least one
    std::vector<net::Ip> binds;          ///< at least one; zero: all addresses
    uint16_t port = 1045;
    std::vector<proto::Peers::Peer> peers;  ///< that the gateway knows
    std::optional<net::Endpoint> resolver;  ///< empty: that of /etc/resolv.conf

    /// Of the TUN; empty if no gateway runs.
    std::string tun() const { return gateway ? gateway->tun() : std::string(); }
    bool uses(net::Family family) const;
};

/// One thing that breaks in practice. Finds something, if only that it is well, or nothing if it
/// does not matter here.
using Check = Findings (*)(const Situation& situation, Outside& outside);

// checks_host.cc
Findings check_user(const Situation& situation, Outside& outside);
Findings check_tun(const Situation& situation, Outside& outside);
Findings check_forwarding(const Situation& situation, Outside& outside);
Findings check_reverse_path(const Situation& situation, Outside& outside);
Findings check_ipv6(const Situation& situation, Outside& outside);
Findings check_buffers(const Situation& situation, Outside& outside);
Findings check_clock(const Situation& situation, Outside& outside);
// checks_network.cc
Findings check_interface(const Situation& situation, Outside& outside);
Findings check_route(const Situation& situation, Outside& outside);
Findings check_overlap(const Situation& situation, Outside& outside);
Findings check_port(const Situation& situation, Outside& outside);
// checks_peers.cc
Findings check_address(const Situation& situation, Outside& outside);
Findings check_peers(const Situation& situation, Outside& outside);
Findings check_paths(const Situation& situation, Outside& outside);
// checks_firewall.cc
Findings check_firewall(const Situation& situation, Outside& outside);
// checks_programs.cc
Findings check_gateway(const Situation& situation, Outside& outside);
Findings check_limits(const Situation& situation, Outside& outside);
Findings check_socket(const Situation& situation, Outside& outside);
Findings check_resolver(const Situation& situation, Outside& outside);
Findings check_agent(const Situation& situation, Outside& outside);

/// All of them, in the order in which to mend.
std::span<const Check> checks();
Findings examine(const Situation& situation, Outside& outside);

std::string findings_text(const Findings& findings);
std::string findings_json(const Findings& findings);  ///< ipref.doctor/1
/// 0: all is well, 1: there are warnings, 2: something cannot work.
int findings_exit(const Findings& findings);

}  // namespace ipref::gw::admin

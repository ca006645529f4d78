// SPDX-License-Identifier: GPL-2.0-or-later
// What a packet filter would do with a packet, as far as its listing tells: conditions that are not
// understood make a rule be passed over, and the verdict unsure if the rule would have accepted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/net/ip.h"

namespace ipref::gw::admin {

enum class Verdict : uint8_t { none, accept, drop };

struct Rule {
    std::string in;   ///< interface, a '+' or '*' at its end for any; empty: any
    std::string out;  ///< likewise
    std::optional<net::Cidr> source;
    std::optional<net::Cidr> destination;
    std::string protocol;  ///< empty: any
    std::optional<std::pair<uint16_t, uint16_t>> ports;
    bool unknown = false;  ///< has conditions that are not understood
    Verdict verdict = Verdict::none;
    std::string jump;  ///< chain to go through; else the verdict
};

struct Chain {
    std::vector<Rule> rules;
    Verdict policy = Verdict::none;  ///< of a base chain: accept or drop
    std::string hook;                ///< "forward", "input"; empty: not a base chain
    std::string table;               ///< nft: "inet filter", what stands before the chain's name
};

using Chains = std::map<std::string, Chain>;

/// `iptables -S`.
Chains parse_iptables(std::string_view text);
/// `nft list ruleset`; chains are named "FAMILY TABLE CHAIN". `skip_iptables`: without the tables
/// that iptables-nft keeps there.
Chains parse_nft(std::string_view text, bool skip_iptables);

struct PassingPacket {
    std::string in;   ///< empty: not known, and none that rules name
    std::string out;  ///< likewise
    std::optional<net::Cidr> source;
    std::optional<net::Cidr> destination;
    std::string protocol;
    uint16_t port = 0;
};

struct Judgement {
    Verdict verdict = Verdict::none;
    bool unsure = false;  ///< it may also be accepted
};

Judgement judge(const Chains& chains, const std::string& chain, const PassingPacket& packet);

}  // namespace ipref::gw::admin

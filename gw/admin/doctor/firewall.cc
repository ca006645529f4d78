// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/doctor/firewall.h"

namespace ipref::gw::admin {

namespace {

constexpr int kMostSteps = 10'000;  // through chains of chains

enum class Match : uint8_t { no, yes, unknown };

Match match_interface(const std::string& pattern, const std::string& name) {
    if (pattern.empty()) return Match::yes;
    if (name.empty()) return pattern == "lo" ? Match::no : Match::unknown;
    const bool any = pattern.ends_with('+') || pattern.ends_with('*');
    const std::string_view stem(pattern.data(), pattern.size() - (any ? 1 : 0));
    const bool same = any ? std::string_view(name).starts_with(stem) : name == pattern;
    return same ? Match::yes : Match::no;
}

Match match_address(const std::optional<net::Cidr>& pattern, const std::optional<net::Cidr>& net) {
    if (!pattern) return Match::yes;
    if (!net) return Match::unknown;
    if (!pattern->overlaps(*net)) return Match::no;
    return pattern->bits() <= net->bits() ? Match::yes : Match::unknown;
}

Match match_rule(const Rule& rule, const PassingPacket& packet) {
    const bool protocol = rule.protocol.empty() || packet.protocol == rule.protocol;
    const bool known = !packet.protocol.empty() || rule.protocol.empty();
    const bool port =
        !rule.ports || (packet.port >= rule.ports->first && packet.port <= rule.ports->second);
    if (known && (!protocol || !port)) return Match::no;
    Match all = known && !rule.unknown ? Match::yes : Match::unknown;
    for (const auto each :
         {match_interface(rule.in, packet.in), match_interface(rule.out, packet.out),
          match_address(rule.source, packet.source),
          match_address(rule.destination, packet.destination)}) {
        if (each == Match::no) return Match::no;
        if (each == Match::unknown) all = Match::unknown;
    }
    return all;
}

/// Goes through a chain; `steps` bounds loops, which a kernel would not have taken.
Judgement walk(const Chains& chains, const Chain& chain, const PassingPacket& packet, int& steps) {
    Judgement judgement;
    for (const auto& rule : chain.rules) {
        if (--steps < 0) return {Verdict::none, true};
        const auto match = match_rule(rule, packet);
        if (match == Match::no) continue;
        Judgement step{rule.verdict, false};
        if (!rule.jump.empty()) {
            const auto target = chains.find(rule.jump);
            step = target == chains.end() ? Judgement{Verdict::none, true}
                                          : walk(chains, target->second, packet, steps);
        }
        judgement.unsure |= step.unsure;
        if (match == Match::unknown) {
            judgement.unsure |= step.verdict == Verdict::accept;
            continue;
        }
        if (step.verdict == Verdict::none) continue;
        judgement.verdict = step.verdict;
        return judgement;
    }
    return judgement;
}

}  // namespace

Judgement judge(const Chains& chains, const std::string& chain, const PassingPacket& packet) {
    const auto found = chains.find(chain);
    if (found == chains.end()) return {};
    int steps = kMostSteps;
    auto judgement = walk(chains, found->second, packet, steps);
    if (judgement.verdict == Verdict::none) judgement.verdict = found->second.policy;
    return judgement;
}

}  // namespace ipref::gw::admin

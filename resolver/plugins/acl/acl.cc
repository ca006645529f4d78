// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin acl: who may ask what.
#include <algorithm>

#include "resolver/server/counters.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

enum class Action : uint8_t { allow, block, filter, drop };

struct Policy {
    Action action = Action::allow;
    std::vector<uint16_t> types;     // empty: all
    std::vector<net::Cidr> sources;  // empty: everybody

    bool matches(const Request& request) const {
        const bool type =
            types.empty() || std::find(types.begin(), types.end(), request.type) != types.end();
        return type && (sources.empty() ||
                        std::any_of(sources.begin(), sources.end(), [&](const net::Cidr& net) {
                            return net.contains(request.client.ip);
                        }));
    }
};

/// One use of the directive.
struct Rule {
    std::vector<Name> zones;
    std::vector<Policy> policies;

    /// The first policy that matches; null if there is none.
    const Policy* decide(const Request& request) const {
        const auto found =
            std::find_if(policies.begin(), policies.end(),
                         [&](const Policy& policy) { return policy.matches(request); });
        return found == policies.end() ? nullptr : &*found;
    }
};

class Acl final : public Handler {
  public:
    Acl(std::vector<Rule> rules, run::Metrics& metrics)
        : rules_(std::move(rules)),
          blocked_(metrics, "coredns_acl_blocked_requests_total",
                   "Counter of DNS requests being blocked."),
          filtered_(metrics, "coredns_acl_filtered_requests_total",
                    "Counter of DNS requests being filtered."),
          dropped_(metrics, "coredns_acl_dropped_requests_total",
                   "Counter of DNS requests being dropped."),
          allowed_(metrics, "coredns_acl_allowed_requests_total",
                   "Counter of DNS requests being allowed.") {}
    std::string_view name() const override { return "acl"; }
    // Other classes and NOTIFY, too: who may not ask must not get by with them.
    Interest interest() const override { return {.all = true}; }

    Result<void> start(Worker& worker) override {
        for (auto* counters : all()) counters->make(worker);
        return {};
    }
    void stop(Worker& worker) override {
        for (auto* counters : all()) counters->drop(worker);
    }

    Step handle(Query& q) override {
        for (const auto& rule : rules_) {
            const auto* zone = longest_zone(rule.zones, q.request.lower);
            const auto* policy = zone == nullptr ? nullptr : rule.decide(q.request);
            if (policy == nullptr) continue;
            if (policy->action == Action::allow) break;
            return refuse(q, policy->action, *zone);
        }
        allowed_.add(q);
        return Step::next;
    }

  private:
    std::array<QueryCounters*, 4> all() { return {&blocked_, &filtered_, &dropped_, &allowed_}; }

    Step refuse(Query& q, Action action, const Name& zone) {
        auto& counters = action == Action::block    ? blocked_
                         : action == Action::filter ? filtered_
                                                    : dropped_;
        // A zone of the configuration, so its address tells it from others.
        counters.add(q, reinterpret_cast<size_t>(&zone), [&] {
            return run::Labels{{"zone", zone.str()}};
        });
        if (action == Action::drop) return q.dropped();
        const bool block = action == Action::block;
        q.reply.rcode = block ? dns::rcode::kRefused : dns::rcode::kNoError;
        q.add_extended_error(block ? dns::ede::kBlocked : dns::ede::kFiltered, "");
        return Step::done;
    }

    std::vector<Rule> rules_;
    QueryCounters blocked_, filtered_, dropped_, allowed_;
};

// -- set-up

Result<Action> action_of(const Dispenser& d) {
    if (d.val() == "allow") return Action::allow;
    if (d.val() == "block") return Action::block;
    if (d.val() == "filter") return Action::filter;
    if (d.val() == "drop") return Action::drop;
    return d.err(fmt::format("unexpected token \"{}\"; expect 'allow', 'block', 'filter' or 'drop'",
                             d.val()));
}

bool is_section(const std::string& word) {
    return word == "type" || word == "net";
}

/// A word of section `type` or `net` into the policy. `all` becomes true for "*".
Result<void> take_word(const Token& word, bool types, Policy& policy, bool& all) {
    if (word.text == "*") {
        all = true;
        return {};
    }
    if (types) {
        const auto type = dns::parse_type(word.text);
        if (!type || dns::type_text(*type) != word.text) {
            return parse_error(word.at, fmt::format("unexpected token \"{}\"; expect legal QTYPE, "
                                                    "in upper case, as AAAA",
                                                    word.text));
        }
        policy.types.push_back(*type);
        return {};
    }
    const auto ip = net::Ip::parse(word.text);
    const auto net =
        ip ? net::Cidr(*ip, static_cast<unsigned>(ip->size() * 8)) : net::Cidr::parse(word.text);
    if (!net) {
        return parse_error(word.at, fmt::format("illegal CIDR notation \"{}\": an address or a "
                                                "prefix is expected, as 192.0.2.0/24",
                                                word.text));
    }
    policy.sources.push_back(*net);
    return {};
}

/// "type A AAAA net 192.0.2.0/24 ::1", each part at most once, in any order.
Result<void> take_sections(Dispenser& d, Policy& policy) {
    const auto words = d.remaining_tokens();
    bool seen[2] = {};
    for (size_t i = 0; i < words.size();) {
        const auto& head = words[i++];
        if (!is_section(head.text)) {
            return parse_error(
                head.at, fmt::format("unexpected token \"{}\"; expect 'type | net'", head.text));
        }
        const bool types = head.text == "type";
        if (std::exchange(seen[types ? 0 : 1], true)) {
            return parse_error(head.at, fmt::format("'{}' twice in one line", head.text));
        }
        bool all = false;
        const size_t first = i;
        for (; i < words.size() && !is_section(words[i].text); i++) {
            if (auto taken = take_word(words[i], types, policy, all); !taken) return taken;
        }
        if (i == first) {
            return parse_error(head.at, fmt::format("no {} given after '{}'",
                                                    types ? "types" : "networks", head.text));
        }
        if (all && types) policy.types.clear();
        if (all && !types) policy.sources.clear();
    }
    return {};
}

}  // namespace

Result<void> setup_acl(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Rule> rules;
    while (d.next()) {
        Rule rule;
        const auto zones = setup.zones_or_own(d.remaining_tokens());
        if (!zones) return tl::unexpected(zones.error());
        rule.zones = *zones;
        while (d.next_block()) {
            const auto action = action_of(d);
            if (!action) return tl::unexpected(action.error());
            Policy policy;
            policy.action = *action;
            if (auto taken = take_sections(d, policy); !taken) return taken;
            rule.policies.push_back(std::move(policy));
        }
        if (!d.ok()) return d.eof_err();
        rules.push_back(std::move(rule));
    }
    setup.add(std::make_unique<Acl>(std::move(rules), setup.metrics()));
    return {};
}

}  // namespace ipref::resolver

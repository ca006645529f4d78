// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin header: sets and clears flags of queries and replies.
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

enum class Flag : uint8_t { aa, ra, rd };

struct Rule {
    bool on_query = false;
    bool set = false;
    std::vector<Flag> flags;
};

class Header final : public Handler {
  public:
    explicit Header(std::vector<Rule> rules) : rules_(std::move(rules)) {
        for (const auto& rule : rules_) on_reply_ |= !rule.on_query;
    }
    std::string_view name() const override { return "header"; }

    Step handle(Query& q) override {
        apply(q, true);
        return on_reply_ ? Step::watch : Step::next;
    }
    Step answered(Query& q) override {
        if (q.outcome() == Query::Outcome::answered) apply(q, false);
        return Step::done;
    }

  private:
    void apply(Query& q, bool on_query) const {
        for (const auto& rule : rules_) {
            if (rule.on_query != on_query) continue;
            for (const auto flag : rule.flags) {
                // The reply's RD is the query's. AA and RA mean nothing in a query.
                if (flag == Flag::rd) q.request.rd = rule.set;
                if (flag == Flag::aa && !on_query) q.reply.aa = rule.set;
                if (flag == Flag::ra && !on_query) q.reply.ra = rule.set;
            }
        }
    }

    std::vector<Rule> rules_;
    bool on_reply_ = false;
};

/// A line of the block: [query|response] set|clear FLAG...
Result<Rule> rule_from(Setup& setup, Dispenser& d) {
    Rule rule;
    std::string word = d.val();
    if (word == "query" || word == "response") {
        rule.on_query = word == "query";
        if (!d.next_arg()) return d.arg_err();
        word = d.val();
    } else if (word == "set" || word == "clear") {
        setup.warn(
            fmt::format("{}: a rule without query or response is taken as one for "
                        "responses; write \"response {}\"",
                        d.place().str(), word));
    } else {
        return d.err(fmt::format("invalid selector={} should be query or response", word));
    }
    if (word != "set" && word != "clear") {
        return d.err(fmt::format("invalid action={}, it should be set or clear", word));
    }
    rule.set = word == "set";
    while (d.next_arg()) {
        if (d.val() == "aa") {
            rule.flags.push_back(Flag::aa);
        } else if (d.val() == "ra") {
            rule.flags.push_back(Flag::ra);
        } else if (d.val() == "rd") {
            rule.flags.push_back(Flag::rd);
        } else {
            return d.err(fmt::format("unknown flag '{}'; there are aa, ra and rd", d.val()));
        }
    }
    if (rule.flags.empty()) return d.arg_err();
    return rule;
}

}  // namespace

Result<void> setup_header(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Rule> rules;
    while (d.next()) {
        if (d.next_arg()) return d.arg_err();
        while (d.next_block()) {
            auto rule = rule_from(setup, d);
            if (!rule) return tl::unexpected(rule.error());
            rules.push_back(std::move(*rule));
        }
        if (!d.ok()) return d.eof_err();
    }
    if (rules.empty()) return setup.error("no rules; write a block, as { response set ra }");
    setup.add(std::make_unique<Header>(std::move(rules)));
    return {};
}

}  // namespace ipref::resolver

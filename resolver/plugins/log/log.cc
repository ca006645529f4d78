// SPDX-License-Identifier: GPL-2.0-or-later
// One line a query, after it was answered.
#include "common/run/log.h"

#include "resolver/plugins/log/format.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct Rule {
    std::vector<Name> names;
    LogFormat format{kCommonLogFormat};
    unsigned classes = 0;  // bits of LogClass

    bool covers(const Name& name) const { return longest_zone(names, name) != nullptr; }
};

class Log final : public Handler {
  public:
    explicit Log(std::vector<Rule> rules) : rules_(std::move(rules)) {}
    std::string_view name() const override { return "log"; }
    Interest interest() const override { return {.all = true}; }

    Step handle(Query& q) override {
        return q.depth() == 0 && rule_of(q) != nullptr ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        const auto* rule = rule_of(q);
        if (rule != nullptr && (rule->classes & static_cast<unsigned>(class_of(q))) != 0) {
            run::log_line(run::Severity::info, rule->format.line(q));
        }
        return Step::done;
    }

  private:
    const Rule* rule_of(const Query& q) const {
        for (const auto& rule : rules_) {
            if (rule.covers(q.request.lower)) return &rule;
        }
        return nullptr;
    }

    std::vector<Rule> rules_;
};

Result<unsigned> class_bits(Dispenser& d) {
    const auto words = d.remaining_args();
    if (words.empty()) return d.arg_err();
    unsigned bits = 0;
    for (const auto& word : words) {
        if (word == "success") {
            bits |= static_cast<unsigned>(LogClass::success);
        } else if (word == "denial") {
            bits |= static_cast<unsigned>(LogClass::denial);
        } else if (word == "error") {
            bits |= static_cast<unsigned>(LogClass::error);
        } else if (word == "all") {
            bits |= static_cast<unsigned>(LogClass::all);
        } else {
            return d.err(
                fmt::format("invalid class: {}; there are success, denial, error and all", word));
        }
    }
    return bits;
}

Result<Rule> rule_from(Setup& setup) {
    auto& d = setup.tokens();
    auto words = d.remaining_tokens();
    Rule rule;
    if (words.size() > 1 && words.back().text.find('{') != std::string::npos) {
        rule.format = LogFormat(words.back().text);
        words.pop_back();
    }
    rule.names = {Name()};
    if (!words.empty()) {
        auto names = setup.zones_or_own(words);
        if (!names) return tl::unexpected(names.error());
        rule.names = std::move(*names);
    }
    OptionTable options;
    options.custom({"class", "success|denial|error|all...", "all",
                    "Which answers are logged: with data, without (name or data do not exist), "
                    "errors.",
                    [&](Dispenser& in) -> Result<void> {
                        const auto bits = class_bits(in);
                        if (!bits) return tl::unexpected(bits.error());
                        rule.classes |= *bits;
                        return {};
                    }});
    if (auto read = options.read_block(d); !read) return tl::unexpected(read.error());
    if (rule.classes == 0) rule.classes = static_cast<unsigned>(LogClass::all);
    return rule;
}

}  // namespace

Result<void> setup_log(Setup& setup) {
    std::vector<Rule> rules;
    while (setup.tokens().next()) {
        auto rule = rule_from(setup);
        if (!rule) return tl::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    setup.add(std::make_unique<Log>(std::move(rules)));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin template: answers made from the question, by regular expressions and templates.
#include <re2/re2.h>

#include "common/dns/ldns.h"
#include "common/run/log.h"
#include "resolver/plugins/template/text_template.h"
#include "resolver/server/counters.h"
#include "resolver/server/fallthrough.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct Section {
    std::string_view name;  ///< "answer"
    std::vector<RecordRef> Reply::*to;
};
constexpr Section kSections[] = {{"answer", &Reply::answer},
                                 {"additional", &Reply::additional},
                                 {"authority", &Reply::authority}};

/// One `template` line with its block.
struct Rule {
    uint16_t klass = dns::klass::kIn;
    uint16_t type = dns::rr::kAny;
    std::vector<Name> zones;
    std::vector<std::unique_ptr<RE2>> patterns;
    std::vector<TextTemplate> records[std::size(kSections)];
    uint16_t rcode = dns::rcode::kNoError;
    bool has_error = false;
    uint16_t error_code = 0;
    std::string error_text;
    std::vector<Name> fallthrough;

    bool covers(const Request& request) const {
        const bool in_class = klass == dns::klass::kAny || request.klass == dns::klass::kAny ||
                              klass == request.klass;
        return in_class &&
               (type == dns::rr::kAny || request.type == dns::rr::kAny || type == request.type);
    }
};

/// Parentheses and line ends that group a record (RFC 1035 section 5.1) become blanks.
std::string one_line(std::string text) {
    bool quoted = false;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && (text[i] == '(' || text[i] == ')' || text[i] == '\n')) {
            text[i] = ' ';
        }
    }
    return text;
}

/// Fills in what the pattern matched. Without a pattern everything matches.
bool match(const Rule& rule, TemplateData& data) {
    if (rule.patterns.empty()) {
        data.match = {data.name};
        return true;
    }
    for (const auto& pattern : rule.patterns) {
        std::vector<re2::StringPiece> groups(
            static_cast<size_t>(pattern->NumberOfCapturingGroups()) + 1);
        if (!pattern->Match(data.name, 0, data.name.size(), RE2::UNANCHORED, groups.data(),
                            static_cast<int>(groups.size()))) {
            continue;
        }
        for (const auto& group : groups) data.match.emplace_back(group.data(), group.size());
        for (size_t i = 0; i < groups.size(); i++) data.group[std::to_string(i)] = data.match[i];
        for (const auto& [name, at] : pattern->NamedCapturingGroups()) {
            data.group[name] = data.match[static_cast<size_t>(at)];
        }
        return true;
    }
    return false;
}

class Template final : public Handler {
  public:
    Template(std::vector<Rule> rules, run::Metrics& metrics)
        : rules_(std::move(rules)),
          matches_(metrics, "coredns_template_matches_total", "Counter of template regex matches."),
          failures_(metrics, "coredns_template_template_failures_total",
                    "Counter of go template failures."),
          record_failures_(metrics, "coredns_template_rr_failures_total",
                           "Counter of mis-templated RRs.") {}
    std::string_view name() const override { return "template"; }

    Interest interest() const override {
        for (const auto& rule : rules_) {
            if (rule.klass != dns::klass::kIn && rule.klass != dns::klass::kAny) {
                return {.other_classes = true};
            }
        }
        return {};
    }

    Result<void> start(Worker& worker) override {
        matches_.make(worker);
        failures_.make(worker);
        record_failures_.make(worker);
        return {};
    }
    void stop(Worker& worker) override {
        matches_.drop(worker);
        failures_.drop(worker);
        record_failures_.drop(worker);
    }

    Step handle(Query& q) override {
        for (size_t i = 0; i < rules_.size(); i++) {
            const auto& rule = rules_[i];
            const auto* zone = longest_zone(rule.zones, q.request.lower);
            if (zone == nullptr || !rule.covers(q.request)) continue;
            auto data = data_of(q, rule, *zone);
            if (match(rule, data)) return answer(q, i, data);
            if (longest_zone(rule.fallthrough, q.request.lower) == nullptr) {
                return q.failed(dns::rcode::kServFail);
            }
        }
        return Step::next;
    }

  private:
    static TemplateData data_of(Query& q, const Rule& rule, const Name& zone) {
        const auto& request = q.request;
        const bool any_class = request.klass == dns::klass::kAny;
        const bool any_type = request.type == dns::rr::kAny;
        return {.name = request.lower.str(),
                .zone = zone.str(),
                .klass = dns::class_text(any_class ? rule.klass : request.klass),
                .type = dns::type_text(any_type ? rule.type : request.type),
                .remote = request.client.ip.str(),
                .match = {},
                .group = {},
                .meta = [&q](std::string_view label) { return std::string(q.metadata(label)); }};
    }

    Step answer(Query& q, size_t index, const TemplateData& data) {
        const auto& rule = rules_[index];
        matches_.add(q, index, [&] {
            return run::Labels{{"zone", data.zone}, {"class", data.klass}, {"type", data.type}};
        });
        if (rule.has_error) q.add_extended_error(rule.error_code, rule.error_text);
        if (rule.rcode == dns::rcode::kServFail) return q.failed(rule.rcode);
        for (size_t s = 0; s < std::size(kSections); s++) {
            for (const auto& record : rule.records[s]) {
                if (auto added = add(q, index, s, record, data); !added) {
                    return q.failed(dns::rcode::kServFail, added.error().text);
                }
            }
        }
        q.reply.rcode = rule.rcode;
        q.reply.aa = true;
        return follow(q, 0) ? Step::later : Step::done;
    }

    Result<void> add(Query& q, size_t rule, size_t section, const TextTemplate& record,
                     const TemplateData& data) {
        const auto labels = [&] {
            return run::Labels{{"zone", data.zone},
                               {"class", data.klass},
                               {"type", data.type},
                               {"section", std::string(kSections[section].name)},
                               {"template", record.source()}};
        };
        const size_t key = rule * std::size(kSections) + section;
        const auto text = record.run(data);
        if (!text) {
            failures_.add(q, key, labels);
            return fail("plugin/template: {}: {}", record.source(), text.error().text);
        }
        const auto made = dns::parse_record(one_line(*text));
        if (!made) {
            record_failures_.add(q, key, labels);
            return fail("plugin/template: {}", made.error().text);
        }
        (q.reply.*kSections[section].to)
            .push_back({.owner = q.arena().copy(made->owner.wire()),
                        .type = made->type,
                        .klass = made->klass,
                        .ttl = made->ttl,
                        .rdata = q.arena().copy(made->rdata)});
        return {};
    }

    /// Looks up where the template's own aliases from `at` on point to; false if none is left.
    bool follow(Query& q, size_t at) {
        const bool address = q.request.type == dns::rr::kA || q.request.type == dns::rr::kAaaa;
        auto& answer = q.reply.answer;
        auto& own = q.state<Following>(*this).own;
        if (at == 0) own = answer.size();
        while (at < own && answer[at].type != dns::rr::kCname) at++;
        const auto target = address && at < own ? Name::from_wire(answer[at].rdata) : std::nullopt;
        if (!target) return false;
        q.lookup(*target, q.request.type, [this, &q, at](const LookupResult& result) {
            take(q, result);
            if (!follow(q, at + 1)) q.finish();
        });
        return true;
    }

    static void take(Query& q, const LookupResult& result) {
        if (result.reply == nullptr) return;
        for (const auto& record : result.reply->answer) {
            q.reply.answer.push_back({.owner = q.arena().copy(record.owner),
                                      .type = record.type,
                                      .klass = record.klass,
                                      .ttl = record.ttl,
                                      .rdata = q.arena().copy(record.rdata)});
        }
    }

    struct Following {
        size_t own = 0;  // records that the template made
    };

    std::vector<Rule> rules_;
    QueryCounters matches_, failures_, record_failures_;
};

// -- set-up

Result<void> take_match(Dispenser& d, Rule& rule) {
    const auto words = d.remaining_args();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        auto pattern = std::make_unique<RE2>(word, RE2::Quiet);
        if (!pattern->ok()) {
            return d.err(fmt::format("could not parse regex: {}, error parsing regexp: {}: `{}`",
                                     word, pattern->error(), pattern->error_arg()));
        }
        rule.patterns.push_back(std::move(pattern));
    }
    return {};
}

Result<void> take_records(Dispenser& d, std::string_view section, std::vector<TextTemplate>& to) {
    const auto words = d.remaining_args();
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        auto made = TextTemplate::parse(word, section);
        if (!made) {
            return d.err(
                fmt::format("could not compile template: {}, {}", word, made.error().text));
        }
        to.push_back(std::move(*made));
    }
    return {};
}

Result<void> take_rcode(Dispenser& d, Rule& rule) {
    if (!d.next_arg()) return d.arg_err();
    const auto rcode = dns::parse_rcode(d.val());
    if (!rcode) return d.err(fmt::format("unknown rcode {}; NXDOMAIN is one", d.val()));
    rule.rcode = *rcode;
    return {};
}

Result<void> take_error(Dispenser& d, Rule& rule) {
    if (!d.next_arg()) return d.arg_err();
    const auto code = net::parse_port(d.val());
    if (!code) return d.err(fmt::format("error parsing extended DNS error code \"{}\"", d.val()));
    rule.has_error = true;
    rule.error_code = *code;
    const auto rest = d.remaining_args();
    if (rest.size() > 1) return d.arg_err();
    if (!rest.empty()) rule.error_text = rest.front();
    return {};
}

OptionTable table_for(Setup& setup, Rule& rule) {
    OptionTable table;
    table.custom({"match", "REGEX...", ".*",
                  "The names that are answered: the first of these that matches counts.",
                  [&rule](Dispenser& d) { return take_match(d, rule); }});
    for (size_t s = 0; s < std::size(kSections); s++) {
        table.custom({std::string(kSections[s].name), "TEMPLATE...", "",
                      "A record in zone file format, made from a template.",
                      [&rule, s](Dispenser& d) {
                          return take_records(d, kSections[s].name, rule.records[s]);
                      }});
    }
    table.custom({"rcode", "CODE", "NOERROR", "The answer's response code.",
                  [&rule](Dispenser& d) { return take_rcode(d, rule); }});
    table.custom({"ederror", "CODE [TEXT]", "", "An extended error (RFC 8914).",
                  [&rule](Dispenser& d) { return take_error(d, rule); }});
    fallthrough_option(table, setup, rule.fallthrough, {Name()},
                       "Names that do not match go to the next template or plugin.");
    table.ignored("upstream", "Accepted and without effect, for old files.");
    return table;
}

Result<Rule> rule_from(Setup& setup) {
    auto& d = setup.tokens();
    Rule rule;
    if (!d.next_arg()) return d.arg_err();
    const auto klass = dns::parse_class(d.val());
    if (!klass || dns::class_text(*klass) != d.val()) {
        return d.err(fmt::format("invalid query class {}; IN and ANY are usual", d.val()));
    }
    rule.klass = *klass;
    if (!d.next_arg()) return d.arg_err();
    const auto type = dns::parse_type(d.val());
    if (!type || dns::type_text(*type) != d.val()) {
        return d.err(fmt::format("invalid RR type {}; in upper case, as AAAA", d.val()));
    }
    rule.type = *type;
    const auto zones = setup.zones_or_own(d.remaining_tokens());
    if (!zones) return tl::unexpected(zones.error());
    rule.zones = *zones;
    if (auto read = table_for(setup, rule).read_block(d); !read) {
        return tl::unexpected(read.error());
    }
    return rule;
}

}  // namespace

Result<void> setup_template(Setup& setup) {
    std::vector<Rule> rules;
    while (setup.tokens().next()) {
        auto rule = rule_from(setup);
        if (!rule) return tl::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    setup.add(std::make_unique<Template>(std::move(rules), setup.metrics()));
    return {};
}

}  // namespace ipref::resolver

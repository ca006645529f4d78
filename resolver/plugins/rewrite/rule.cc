// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/rewrite/rule.h"

#include <algorithm>
#include <charconv>

namespace ipref::resolver::rewrite {

namespace {

using Words = std::vector<std::string>;
using RulePtr = std::unique_ptr<Rule>;

class TypeRule final : public Rule {
  public:
    TypeRule(uint16_t from, uint16_t to) : from_(from), to_(to) {}
    bool apply(Query& q, Pending&) const override {
        if (q.request.type != from_) return false;
        q.request.type = to_;
        return true;
    }

  private:
    uint16_t from_, to_;
};

class ClassRule final : public Rule {
  public:
    ClassRule(uint16_t from, uint16_t to) : from_(from), to_(to) {}
    bool apply(Query& q, Pending&) const override {
        if (q.request.klass != from_) return false;
        q.request.klass = to_;
        return true;
    }
    bool other_classes() const override { return from_ != dns::klass::kIn; }

  private:
    uint16_t from_, to_;
};

/// Names in the answer that are equal to the new one or below it get the old one back.
class NameRule final : public Rule {
  public:
    NameRule(Replacement replacement, bool restore, std::vector<Response> responses)
        : replacement_(std::move(replacement)),
          restore_(restore),
          responses_(std::move(responses)) {}

    bool apply(Query& q, Pending& pending) const override {
        const auto text = replacement_(q.request.lower.str());
        const auto name = text ? Name::parse(*text) : fail("");
        if (!name) return false;
        if (restore_) {
            const auto back = moved(name->lower().str(), q.request.name.str());
            pending.responses.emplace_back(RenameOwners{back});
            pending.responses.emplace_back(RenameValues{back});
        }
        pending.responses.insert(pending.responses.end(), responses_.begin(), responses_.end());
        q.rename(*name);
        return true;
    }

  private:
    Replacement replacement_;
    bool restore_;
    std::vector<Response> responses_;
};

/// Does something to the answer if the name is meant: ttl, rcode.
class ResponseRule final : public Rule {
  public:
    ResponseRule(Matcher matcher, Response response)
        : matcher_(std::move(matcher)), response_(std::move(response)) {}
    bool apply(Query& q, Pending& pending) const override {
        if (!matcher_.matches(q.request.lower.str())) return false;
        pending.responses.push_back(response_);
        return true;
    }

  private:
    Matcher matcher_;
    Response response_;
};

class CnameRule final : public Rule {
  public:
    explicit CnameRule(Replacement target)
        : target_(std::make_shared<const Replacement>(std::move(target))) {}
    bool apply(Query&, Pending& pending) const override {
        pending.responses.emplace_back(ChangeCname{target_});
        return true;
    }

  private:
    std::shared_ptr<const Replacement> target_;
};

// -- parsing

/// Takes "[exact|prefix|...]" off the front; exact if there is none.
Match take_match(Words& words, size_t operands) {
    const auto match = words.size() > operands ? parse_match(words.front()) : std::nullopt;
    if (match) words.erase(words.begin());
    return match.value_or(Match::exact);
}

Result<RulePtr> parse_type_rule(Words words) {
    if (words.size() != 2) return fail("type rules must have exactly two arguments");
    const auto from = dns::parse_type(words[0]);
    const auto to = dns::parse_type(words[1]);
    if (!from) return fail("invalid type \"{}\"", words[0]);
    if (!to) return fail("invalid type \"{}\"", words[1]);
    return std::make_unique<TypeRule>(*from, *to);
}

Result<RulePtr> parse_class_rule(Words words) {
    if (words.size() != 2) return fail("class rules must have exactly two arguments");
    const auto from = dns::parse_class(words[0]);
    const auto to = dns::parse_class(words[1]);
    if (!from) return fail("invalid class \"{}\"", words[0]);
    if (!to) return fail("invalid class \"{}\"", words[1]);
    return std::make_unique<ClassRule>(*from, *to);
}

/// "answer auto", "answer name FROM TO", "answer value FROM TO", "answer FROM TO", repeated.
Result<void> take_answers(const Words& words, size_t at, bool& restore,
                          std::vector<Response>& responses) {
    while (at < words.size()) {
        if (words[at] != "answer") {
            return fail(
                "\"{}\" in a name rule; answer auto, answer name FROM TO or answer value "
                "FROM TO are expected",
                words[at]);
        }
        if (at + 1 < words.size() && words[at + 1] == "auto") {
            restore = true;
            at += 2;
            continue;
        }
        const bool named =
            at + 1 < words.size() && (words[at + 1] == "name" || words[at + 1] == "value");
        const bool value = named && words[at + 1] == "value";
        const size_t first = at + (named ? 2 : 1);
        if (first + 1 >= words.size()) return fail("\"answer\" without FROM and TO");
        auto made = Replacement::make(Match::regex, words[first], words[first + 1]);
        if (!made) return tl::unexpected(made.error());
        if (value) {
            responses.emplace_back(RenameValues{std::move(*made)});
        } else {
            responses.emplace_back(RenameOwners{std::move(*made)});
        }
        at = first + 2;
    }
    return {};
}

Result<RulePtr> parse_name_rule(Words words) {
    const auto match = take_match(words, 2);
    if (words.size() < 2)
        return fail("too few arguments for a name rule: FROM and TO are expected");
    auto replacement = Replacement::make(match, words[0], words[1]);
    if (!replacement) return tl::unexpected(replacement.error());
    bool restore = match == Match::exact;
    std::vector<Response> responses;
    if (auto taken = take_answers(words, 2, restore, responses); !taken) {
        return tl::unexpected(taken.error());
    }
    if (restore && match == Match::suffix) {
        // Better than for the one name: every name below the suffix gets its own back.
        const auto back = Replacement::make(match, replacement->to(), replacement->from());
        // At the end: they are done first, before what the Corefile says about the old names.
        responses.emplace_back(RenameOwners{*back});
        responses.emplace_back(RenameValues{*back});
        restore = false;
    }
    return std::make_unique<NameRule>(std::move(*replacement), restore, std::move(responses));
}

std::optional<uint32_t> seconds(std::string_view text) {
    uint32_t value = 0;
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool good = !text.empty() && error == std::errc() && at == end && value <= 0x7fffffff;
    return good ? std::optional(value) : std::nullopt;
}

/// "30", "30-60", "30-", "-60".
Result<LimitTtl> parse_ttl(std::string_view text) {
    const auto bad = [&] {
        return fail("invalid ttl \"{}\" for a rewrite rule: 30, 30-60, 30- and -60 are right",
                    text);
    };
    LimitTtl out;
    const auto dash = text.find('-');
    const auto low = text.substr(0, dash);
    const auto high = dash == std::string_view::npos ? low : text.substr(dash + 1);
    if (low.empty() && high.empty()) return bad();
    if (!low.empty()) {
        const auto value = seconds(low);
        if (!value) return bad();
        out.least = *value;
    }
    if (!high.empty()) {
        const auto value = seconds(high);
        if (!value || *value < out.least) return bad();
        out.most = *value;
    }
    return out;
}

Result<RulePtr> parse_ttl_rule(Words words) {
    const auto match = take_match(words, 2);
    if (words.size() != 2) return fail("a ttl rule has a name and a TTL: ttl example.org 30-300");
    auto matcher = Matcher::make(match, words[0]);
    if (!matcher) return tl::unexpected(matcher.error());
    const auto ttl = parse_ttl(words[1]);
    if (!ttl) return tl::unexpected(ttl.error());
    return std::make_unique<ResponseRule>(std::move(*matcher), *ttl);
}

std::optional<uint16_t> parse_rcode(const std::string& text) {
    if (const auto named = dns::parse_rcode(text)) return named;
    const auto number = seconds(text);
    return number && *number < 4096 ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
}

Result<RulePtr> parse_rcode_rule(Words words) {
    const auto match = take_match(words, 3);
    if (words.size() != 3) {
        return fail("an rcode rule has a name and two codes: rcode example.org NXDOMAIN NOERROR");
    }
    auto matcher = Matcher::make(match, words[0]);
    if (!matcher) return tl::unexpected(matcher.error());
    const auto from = parse_rcode(words[1]);
    const auto to = parse_rcode(words[2]);
    if (!from || !to) return fail("invalid rcode \"{}\"", words[from ? 2 : 1]);
    return std::make_unique<ResponseRule>(std::move(*matcher), ChangeRcode{*from, *to});
}

Result<RulePtr> parse_cname_rule(Words words) {
    const auto match = take_match(words, 2);
    if (words.size() != 2) return fail("a cname rule has two targets: cname OLD NEW");
    auto target = Replacement::make(match, words[0], words[1]);
    if (!target) return tl::unexpected(target.error());
    return std::make_unique<CnameRule>(std::move(*target));
}

struct Field {
    std::string_view name;
    Result<RulePtr> (*parse)(Words);
};
const Field kFields[] = {{"name", parse_name_rule},
                         {"type", parse_type_rule},
                         {"class", parse_class_rule},
                         {"ttl", parse_ttl_rule},
                         {"rcode", parse_rcode_rule},
                         {"cname", parse_cname_rule},
                         {"edns0", [](Words words) { return parse_edns0_rule(words); }}};

}  // namespace

Result<RulePtr> parse_rule(const Words& words) {
    if (words.empty()) {
        return fail("no rule; a field is expected: name, type, class, ttl, rcode, cname or edns0");
    }
    for (const auto& field : kFields) {
        if (field.name == words[0]) return field.parse({words.begin() + 1, words.end()});
    }
    return fail(
        "invalid rule type \"{}\"; there are name, type, class, ttl, rcode, cname and edns0",
        words[0]);
}

}  // namespace ipref::resolver::rewrite

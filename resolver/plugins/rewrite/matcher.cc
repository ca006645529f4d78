// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/rewrite/matcher.h"

#include <algorithm>
#include <vector>

namespace ipref::resolver::rewrite {

namespace {

struct Word {
    std::string_view text;
    Match match;
};
constexpr Word kWords[] = {{"exact", Match::exact},
                           {"prefix", Match::prefix},
                           {"suffix", Match::suffix},
                           {"substring", Match::substring},
                           {"regex", Match::regex}};

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = static_cast<char>(dns::lower_byte(static_cast<uint8_t>(c)));
    return out;
}

/// The highest N of {N}, -1 without any.
int most_group(std::string_view to) {
    int most = -1;
    for (size_t i = 0; i + 2 < to.size(); i++) {
        const bool group = to[i] == '{' && to[i + 1] >= '0' && to[i + 1] <= '9' && to[i + 2] == '}';
        if (group) most = std::max(most, to[i + 1] - '0');
    }
    return most;
}

std::string filled(std::string_view to, const std::vector<re2::StringPiece>& groups) {
    std::string out;
    for (size_t i = 0; i < to.size(); i++) {
        const bool group = i + 2 < to.size() && to[i] == '{' && to[i + 1] >= '0' &&
                           to[i + 1] <= '9' && to[i + 2] == '}';
        if (!group) {
            out += to[i];
            continue;
        }
        const auto& piece = groups[static_cast<size_t>(to[i + 1] - '0')];
        out.append(piece.data(), piece.size());
        i += 2;
    }
    return out;
}

}  // namespace

std::optional<Match> parse_match(std::string_view word) {
    for (const auto& known : kWords) {
        if (known.text == word) return known.match;
    }
    return std::nullopt;
}

Result<std::string> absolute(std::string_view name) {
    const auto parsed = Name::parse(name);
    if (!parsed) return fail("\"{}\" is no name: {}", name, parsed.error().text);
    return parsed->lower().str();
}

Result<Matcher> Matcher::make(Match match, std::string_view from) {
    Matcher out;
    out.match_ = match;
    if (match == Match::regex) {
        out.from_ = from;
        const auto pattern = std::make_shared<RE2>(out.from_, RE2::Quiet);
        if (!pattern->ok()) {
            return fail("invalid regex pattern \"{}\": {}", from, pattern->error());
        }
        out.pattern_ = pattern;
        return out;
    }
    if (from.empty()) return fail("an empty name to match");
    if (match == Match::exact) {
        auto name = absolute(from);
        if (!name) return tl::unexpected(name.error());
        out.from_ = std::move(*name);
        return out;
    }
    out.from_ = lower(from);
    if (match == Match::suffix && !out.from_.ends_with('.')) out.from_ += '.';
    return out;
}

bool Matcher::matches(const std::string& name) const {
    switch (match_) {
        case Match::exact:
            return name == from_;
        case Match::prefix:
            return name.starts_with(from_);
        case Match::suffix:
            return name.ends_with(from_);
        case Match::substring:
            return name.find(from_) != std::string::npos;
        case Match::regex:
            return RE2::PartialMatch(name, *pattern_);
    }
    return false;
}

Result<Replacement> Replacement::make(Match match, std::string_view from, std::string_view to) {
    auto matcher = Matcher::make(match, from);
    if (!matcher) return tl::unexpected(matcher.error());
    Replacement out;
    out.matcher_ = std::move(*matcher);
    out.to_ = match == Match::regex ? std::string(to) : lower(to);
    if (match == Match::exact) {
        auto name = absolute(to);
        if (!name) return tl::unexpected(name.error());
        out.to_ = std::move(*name);
    }
    if (match == Match::suffix && !out.to_.ends_with('.')) out.to_ += '.';
    if (match == Match::regex &&
        most_group(to) > out.matcher_.pattern_->NumberOfCapturingGroups()) {
        return fail(
            "the rewrite regex pattern ({}) uses more subexpressions than its "
            "corresponding matching regex pattern ({})",
            to, from);
    }
    return out;
}

std::optional<std::string> Replacement::operator()(const std::string& name) const {
    const auto& from = matcher_.from_;
    if (matcher_.match_ == Match::regex) {
        std::vector<re2::StringPiece> groups(
            static_cast<size_t>(matcher_.pattern_->NumberOfCapturingGroups()) + 1);
        if (!matcher_.pattern_->Match(name, 0, name.size(), RE2::UNANCHORED, groups.data(),
                                      static_cast<int>(groups.size()))) {
            return std::nullopt;
        }
        return filled(to_, groups);
    }
    if (!matcher_.matches(name)) return std::nullopt;
    const size_t at = matcher_.match_ == Match::suffix      ? name.size() - from.size()
                      : matcher_.match_ == Match::substring ? name.find(from)
                                                            : 0;
    return name.substr(0, at) + to_ + name.substr(at + from.size());
}

Rewriter moved(std::string from, std::string to) {
    return [from = std::move(from),
            to = std::move(to)](const std::string& text) -> std::optional<std::string> {
        if (text == from) return to;
        if (from == "." || !text.ends_with("." + from)) return std::nullopt;
        return text.substr(0, text.size() - from.size()) + to;
    };
}

std::optional<Name> rewritten(const Rewriter& rewriter, const Name& name) {
    const auto text = rewriter(name.lower().str());
    if (!text) return std::nullopt;
    const auto parsed = Name::parse(*text);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace ipref::resolver::rewrite

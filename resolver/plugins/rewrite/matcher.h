// SPDX-License-Identifier: GPL-2.0-or-later
// Names as plugin rewrite tells and changes them: as text in lower case with the final dot.
#pragma once

#include <re2/re2.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/dns/name.h"
#include "common/result.h"

namespace ipref::resolver::rewrite {

using dns::Name;

/// The text in its new form; nothing: it stays.
using Rewriter = std::function<std::optional<std::string>(const std::string& text)>;

/// "exact", "prefix", "suffix", "substring" or "regex".
enum class Match : uint8_t { exact, prefix, suffix, substring, regex };
std::optional<Match> parse_match(std::string_view word);

/// Tells whether a name is meant. `from` of exact and suffix is made absolute.
class Matcher {
  public:
    static Result<Matcher> make(Match match, std::string_view from);
    bool matches(const std::string& name) const;

  private:
    friend class Replacement;
    Match match_ = Match::exact;
    std::string from_;
    std::shared_ptr<const RE2> pattern_;
};

/// Tells and changes. In `to` of a regex {1} to {9} are what its groups matched, {0} everything.
class Replacement {
  public:
    static Result<Replacement> make(Match match, std::string_view from, std::string_view to);
    std::optional<std::string> operator()(const std::string& name) const;
    Match match() const { return matcher_.match_; }
    const std::string& from() const { return matcher_.from_; }
    const std::string& to() const { return to_; }

  private:
    Matcher matcher_;
    std::string to_;
};

/// Names equal to `from` or below it, moved to `to`.
Rewriter moved(std::string from, std::string to);

/// The name rewritten; nothing if it stays, or if the result is no name.
std::optional<Name> rewritten(const Rewriter& rewriter, const Name& name);

/// Lower case, with the final dot. An error if it is no name.
Result<std::string> absolute(std::string_view name);

}  // namespace ipref::resolver::rewrite

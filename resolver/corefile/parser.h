// SPDX-License-Identifier: GPL-2.0-or-later
// Corefile text to server blocks, with imports and variables resolved. Knows nothing of what
// directives mean. Source: spec page "ipref-coredns", 2.3.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "resolver/corefile/token.h"

namespace ipref::resolver {

/// All uses of one directive in one server block, one after the other; tokens begin with the
/// directive's name.
struct Directive {
    std::string name;
    std::vector<Token> tokens;
    unsigned uses = 0;
};

struct ServerBlock {
    std::vector<Token> keys;            ///< never empty; variables substituted
    std::vector<Directive> directives;  ///< each name once, in the order of first use
    Position end;                       ///< of the closing brace, or of the last token

    const Directive* find(std::string_view name) const;
};

struct Corefile {
    std::vector<ServerBlock> blocks;
    std::vector<std::string> warnings;
    /// Everything that was read, imports in place: what a reload compares.
    std::string text;
};

/// The outside world of the parser, so that tests and fuzzers have their own.
struct CorefileSources {
    std::function<Result<std::string>(const std::string& path)> read;
    /// Paths that match a pattern with `*` or `?`, sorted.
    std::function<std::vector<std::string>(const std::string& pattern)> glob;
    std::function<std::optional<std::string>(const std::string& variable)> env;
};

/// Files, globs and variables of this process.
CorefileSources system_sources();

/// What the grammar needs to know of directives: empty if the name is known, else the end of an
/// error message behind "Unknown directive 'x'" (a hint, perhaps only " ").
using DirectiveCheck = std::function<std::optional<std::string>(const std::string& name)>;

/// `name` is the file as given with -conf. Limits: 1000 imports deep in all files and snippets
/// together 10,000, 16 MiB of text.
Result<Corefile> parse_corefile(std::string_view text, const std::string& name,
                                const CorefileSources& sources, const DirectiveCheck& check);

/// `{$VAR}` and `{%VAR%}` replaced, in one pass: values are not looked into again.
std::string substitute_variables(std::string_view text, const CorefileSources& sources);

}  // namespace ipref::resolver

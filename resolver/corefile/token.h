// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a Corefile and where each of them stands. Source: spec page "ipref-coredns", 2.3.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace ipref::resolver {

/// A place in a file. `file` is the name as it was given (-conf, or the import's path); shared by
/// all tokens of the file. Lines and columns count from 1, columns in bytes.
struct Position {
    std::shared_ptr<const std::string> file;
    uint32_t line = 0;
    uint32_t column = 0;

    /// "Corefile:3:5"
    std::string str() const;
};

/// A word after quotes, comments and variables were taken care of.
struct Token {
    std::string text;
    Position at;
    /// Line on which the token ends: a quoted one may span several.
    uint32_t last_line = 0;
    bool quoted = false;
    /// Which import put it here, 0 for the file itself: tokens of one expansion share a number, so
    /// that a line ends where an import ends.
    uint32_t expansion = 0;

    /// A brace that opens or closes a block: unquoted.
    bool is(char brace) const { return !quoted && text.size() == 1 && text[0] == brace; }
};

/// Whether a line ends between two tokens that follow one another.
bool ends_line(const Token& before, const Token& after);

/// "Corefile:3:5 - Error during parsing: ..."
tl::unexpected<Error> parse_error(const Position& at, std::string_view what);
/// "Corefile:3:5 - Syntax error: Unexpected token 'x', expecting '}'"
tl::unexpected<Error> syntax_error(const Token& at, std::string_view expecting);

}  // namespace ipref::resolver

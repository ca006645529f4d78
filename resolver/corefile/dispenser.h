// SPDX-License-Identifier: GPL-2.0-or-later
// Walks the tokens of one directive, as a plugin's setup reads them:
//
//     while (d.next()) {                       // each `file ...` of the block
//         const auto args = d.remaining_args();
//         while (d.next_block()) { ... d.val() is an option's name ... }
//         if (!d.ok()) return d.eof_err();
//     }
//
// The tokens begin with the directive's name; several uses of a directive in one server block
// follow one another.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "resolver/corefile/token.h"

namespace ipref::resolver {

class Dispenser {
  public:
    /// `tokens` outlive the dispenser. `end` is where the file or block ends, for error messages.
    Dispenser(std::span<const Token> tokens, Position end)
        : tokens_(tokens), end_(std::move(end)) {}

    /// To the next token, whatever line it is on; false at the end.
    bool next();
    /// To the next token if it is on the same line and opens no block.
    bool next_arg();
    /// To the next token if it is on the same line.
    bool next_on_line();
    /// Inside a `{ }` behind the arguments: true on each token that begins a line of the block
    /// (call again until false; the closing brace is then behind). False at once if there is no
    /// block. After false, check ok(): the file may have ended inside the block.
    bool next_block();
    /// False once a block has ended without its brace; eof_err() says it.
    bool ok() const { return ok_; }

    /// The current token's text.
    const std::string& val() const { return current().text; }
    const Token& current() const;
    /// Where the current token stands; before next(), the first one.
    const Position& place() const { return tokens_[at_ < tokens_.size() ? at_ : 0].at; }
    /// Arguments left on this line, current token excluded; consumes them.
    std::vector<std::string> remaining_args();
    /// All the arguments left on this line as tokens; consumes them.
    std::vector<Token> remaining_tokens();
    /// How many arguments are left on this line; consumes nothing.
    size_t count_args() const;

    /// "Corefile:4:9 - Error during parsing: WHAT"
    tl::unexpected<Error> err(std::string_view what) const;
    /// Wrong argument count or unexpected line ending after 'val'
    tl::unexpected<Error> arg_err() const;
    /// The error behind !ok(): Unexpected EOF
    tl::unexpected<Error> eof_err() const;

  private:
    std::span<const Token> tokens_;
    Position end_;
    size_t at_ = SIZE_MAX;  // before the first token
    unsigned nesting_ = 0;
    bool ok_ = true;
};

}  // namespace ipref::resolver

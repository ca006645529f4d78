// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/token.h"

namespace ipref::resolver {

std::string Position::str() const {
    return fmt::format("{}:{}:{}", file ? *file : "", line, column);
}

bool ends_line(const Token& before, const Token& after) {
    return before.expansion != after.expansion || before.last_line < after.at.line ||
           before.at.file != after.at.file;
}

tl::unexpected<Error> parse_error(const Position& at, std::string_view what) {
    return fail("{} - Error during parsing: {}", at.str(), what);
}

tl::unexpected<Error> syntax_error(const Token& at, std::string_view expecting) {
    return fail("{} - Syntax error: Unexpected token '{}', expecting '{}'", at.at.str(), at.text,
                expecting);
}

}  // namespace ipref::resolver

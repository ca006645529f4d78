// SPDX-License-Identifier: GPL-2.0-or-later
// Text of a Corefile to words. Source: spec page "ipref-coredns", 2.3 "Lexing".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resolver/corefile/token.h"

namespace ipref::resolver {

/// Words without variables substituted. `file` is the name that errors carry. An open quote is an
/// error that says where it opened. Warnings ("a # inside a word...") are appended.
Result<std::vector<Token>> lex(std::string_view text, std::shared_ptr<const std::string> file,
                               std::vector<std::string>& warnings);

}  // namespace ipref::resolver

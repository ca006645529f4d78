// SPDX-License-Identifier: GPL-2.0-or-later
// Files with one thing a line. `#` begins a comment, empty lines count for nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace ipref::agent {

/// Gives each line to `take`, without its comment and the blanks around it; empty ones are left
/// out. The first error ends it, with the line's number.
Result<void> for_each_line(std::string_view text,
                           const std::function<Result<void>(std::string_view)>& take);

/// A whole file. The error says what is wrong, not which file.
Result<std::string> read_text_file(const std::string& path, size_t most_bytes);

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a line, for files of the hosts kind.
#pragma once

#include <algorithm>
#include <string_view>

namespace ipref {

/// The first word, taken off `line` with the blanks before it; empty at the line's end.
inline std::string_view take_word(std::string_view& line, std::string_view blanks) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const auto word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace ipref

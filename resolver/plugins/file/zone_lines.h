// SPDX-License-Identifier: GPL-2.0-or-later
// Zone files to logical lines: parentheses joined, comments gone, quotes and escapes kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace ipref::resolver {

struct ZoneWord {
    std::string text;  ///< as written, with quotes and backslashes
    uint32_t line = 0;
    uint32_t column = 0;
};

struct ZoneLine {
    bool blank_first = false;  ///< begins with a blank: the owner is that of the line before
    std::vector<ZoneWord> words;
};

class ZoneLines {
  public:
    /// `text` outlives the reader; `file` is for errors.
    ZoneLines(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}
    /// The next line with words in it; false at the end. Errors: a quote or parenthesis that is
    /// not closed, with the place where it opens.
    Result<bool> next(ZoneLine& line);

  private:
    Result<void> word(ZoneLine& line);
    void step();
    tl::unexpected<Error> unclosed(const char* what, uint32_t line, uint32_t column) const;

    std::string_view text_;
    std::string file_;
    size_t at_ = 0;
    uint32_t line_ = 1;
    uint32_t column_ = 1;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/zone_lines.h"

namespace ipref::resolver {

void ZoneLines::step() {
    const bool newline = text_[at_++] == '\n';
    line_ += newline ? 1 : 0;
    column_ = newline ? 1 : column_ + 1;
}

tl::unexpected<Error> ZoneLines::unclosed(const char* what, uint32_t line, uint32_t column) const {
    return fail("{}:{}:{}: the {} that opens here is never closed", file_, line, column, what);
}

Result<void> ZoneLines::word(ZoneLine& line) {
    ZoneWord word{.text = {}, .line = line_, .column = column_};
    const bool quoted = text_[at_] == '"';
    const auto take = [&] {
        word.text += text_[at_];
        step();
    };
    if (quoted) take();
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
            take();
            take();
            continue;
        }
        if (quoted ? c == '"'
                   : std::string_view(" \t\r\n;()\"").find(c) != std::string_view::npos) {
            break;
        }
        take();
    }
    if (quoted) {
        if (at_ == text_.size()) return unclosed("quote", word.line, word.column);
        take();
    }
    line.words.push_back(std::move(word));
    return {};
}

Result<bool> ZoneLines::next(ZoneLine& line) {
    line.words.clear();
    unsigned open = 0;
    uint32_t open_line = 0;
    uint32_t open_column = 0;
    line.blank_first = at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t');
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '\n' && open == 0) {
            step();
            if (!line.words.empty()) return true;
            line.blank_first = at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t');
        } else if (c == ';') {
            while (at_ < text_.size() && text_[at_] != '\n') step();
        } else if (c == '(') {
            if (open++ == 0) {
                open_line = line_;
                open_column = column_;
            }
            step();
        } else if (c == ')') {
            if (open == 0) {
                return fail("{}:{}:{}: ')' without '('", file_, line_, column_);
            }
            open--;
            step();
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            step();
        } else if (auto taken = word(line); !taken) {
            return tl::unexpected(taken.error());
        }
    }
    if (open > 0) return unclosed("parenthesis", open_line, open_column);
    return !line.words.empty();
}

}  // namespace ipref::resolver

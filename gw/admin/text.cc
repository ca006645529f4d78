// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ipref::gw::admin {

Columns::Columns(std::vector<std::string> headings) : headings_(std::move(headings)) {
    for (auto& heading : headings_) {
        right_.push_back(heading.starts_with('>'));
        if (right_.back()) heading.erase(0, 1);
        widths_.push_back(heading.size());
    }
}

void Columns::widen(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); i++) widths_[i] = std::max(widths_[i], cells[i].size());
}

void Columns::add(std::vector<std::string> cells) {
    cells.resize(headings_.size());
    widen(cells);
    rows_.push_back(std::move(cells));
}

std::string Columns::line(const std::vector<std::string>& cells) const {
    std::string out;
    for (size_t i = 0; i < cells.size(); i++) {
        const bool last = i + 1 == cells.size();
        if (right_[i]) {
            out += fmt::format("{:>{}}", cells[i], widths_[i]);
        } else {
            out += fmt::format("{:<{}}", cells[i], last ? 0 : widths_[i]);
        }
        if (!last) out += "  ";
    }
    while (out.ends_with(' ')) out.pop_back();
    return out + '\n';
}

std::string Columns::take() {
    std::string out;
    if (!headed_) out = line(headings_);
    headed_ = true;
    for (const auto& row : rows_) out += line(row);
    rows_.clear();
    return out;
}

std::string duration(uint64_t seconds) {
    struct Unit {
        uint64_t seconds;
        std::string_view name;
    };
    constexpr std::array kUnits = {Unit{86400, "d"}, Unit{3600, "h"}, Unit{60, "min"},
                                   Unit{1, "s"}};
    for (size_t i = 0; i + 1 < kUnits.size(); i++) {
        if (seconds < kUnits[i].seconds) continue;
        const uint64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
        const auto large = fmt::format("{} {}", seconds / kUnits[i].seconds, kUnits[i].name);
        return rest == 0 ? large : fmt::format("{} {} {}", large, rest, kUnits[i + 1].name);
    }
    return fmt::format("{} s", seconds);
}

std::string bytes(uint64_t count) {
    constexpr std::array<std::string_view, 6> kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
    auto value = static_cast<double>(count);
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < kUnits.size()) {
        value /= 1000;
        unit++;
    }
    const int digits = unit > 0 && value < 9.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, digits, kUnits[unit]);
}

}  // namespace ipref::gw::admin

// SPDX-License-Identifier: GPL-2.0-or-later
// Output for people: aligned columns, durations, amounts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ipref::gw::admin {

/// Rows under a heading. The last column is not padded; columns whose heading begins with '>' are
/// aligned to the right.
class Columns {
  public:
    explicit Columns(std::vector<std::string> headings);
    void add(std::vector<std::string> cells);
    size_t size() const { return rows_.size(); }
    /// With the heading the first time; widths only ever grow. Forgets the rows.
    std::string take();

  private:
    std::string line(const std::vector<std::string>& cells) const;
    void widen(const std::vector<std::string>& cells);

    std::vector<std::string> headings_;
    std::vector<bool> right_;
    std::vector<size_t> widths_;
    std::vector<std::vector<std::string>> rows_;
    bool headed_ = false;
};

/// "12 s", "5 min 3 s", "3 h 20 min", "8 d 4 h".
std::string duration(uint64_t seconds);
/// "812 B", "4.7 kB", "12 MB": powers of 1000.
std::string bytes(uint64_t count);

}  // namespace ipref::gw::admin

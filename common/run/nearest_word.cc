// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/nearest_word.h"

#include <algorithm>
#include <utility>

namespace ipref::run {

namespace {

constexpr size_t kLongest = 64;  // nobody slips in a word that long, and the work is bounded

/// Levenshtein's.
size_t edits(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j < row.size(); j++) row[j] = j;
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j < row.size(); j++) {
            const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row.back();
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
    std::string best;
    if (word.size() > kLongest) return best;
    size_t least = word.size() < 5 ? 2 : 3;  // edits that are too many
    for (const auto& candidate : known) {
        const auto far = edits(word, candidate);
        if (far >= least) continue;
        least = far;
        best = candidate;
    }
    return best;
}

}  // namespace ipref::run

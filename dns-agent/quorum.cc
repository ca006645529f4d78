// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/quorum.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ipref::agent {

namespace {

constexpr size_t kEntriesShown = 5;

std::string listed(const std::vector<Entry>& entries, char sign) {
    std::string text;
    for (size_t i = 0; i < std::min(entries.size(), kEntriesShown); i++) {
        text += fmt::format("{}{} {} AA {} + {}", i == 0 ? "" : ", ", sign, entries[i].owner,
                            entries[i].gw, entries[i].ref.str());
    }
    if (entries.size() > kEntriesShown) {
        text += fmt::format(", {} more", entries.size() - kEntriesShown);
    }
    return text;
}

size_t agreeing(std::span<const Vote> votes, const Zone& zone) {
    return static_cast<size_t>(std::count_if(votes.begin(), votes.end(), [&](const Vote& vote) {
        return vote.zone && vote.zone->entries == zone.entries;
    }));
}

}  // namespace

std::string difference(const Zone& base, const Zone& other) {
    std::vector<Entry> more;
    std::vector<Entry> less;
    std::set_difference(other.entries.begin(), other.entries.end(), base.entries.begin(),
                        base.entries.end(), std::back_inserter(more));
    std::set_difference(base.entries.begin(), base.entries.end(), other.entries.begin(),
                        other.entries.end(), std::back_inserter(less));
    const auto plus = listed(more, '+');
    const auto minus = listed(less, '-');
    return fmt::format("{} more, {} less ({}{}{})", more.size(), less.size(), plus,
                       plus.empty() || minus.empty() ? "" : ", ", minus);
}

Verdict quorum(std::span<const Vote> votes) {
    Verdict verdict{.zone = nullptr, .votes = 0, .needed = votes.size() / 2 + 1, .differences = {}};
    const Vote* best = nullptr;
    for (const auto& vote : votes) {
        if (!vote.zone) continue;
        const auto count = agreeing(votes, *vote.zone);
        if (count <= verdict.votes) continue;
        verdict.votes = count;
        best = &vote;
        if (count >= verdict.needed) break;
    }
    if (best == nullptr) return verdict;
    if (verdict.votes >= verdict.needed) verdict.zone = best->zone;
    for (const auto& vote : votes) {
        if (!vote.zone || vote.zone->entries == best->zone->entries) continue;
        verdict.differences.push_back(fmt::format("{} has, compared with {}, {}", vote.server,
                                                  best->server,
                                                  difference(*best->zone, *vote.zone)));
    }
    return verdict;
}

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/negative_cache.h"

#include <algorithm>

namespace ipref::resolver::aa {

using run::Milliseconds;
using std::chrono::seconds;

std::optional<NegativeCache::Outcome> NegativeCache::find(const dns::Name& name, uint16_t type,
                                                          Milliseconds now) {
    const Key key(name, type);
    if (const auto failed = failures_.by_key.find(key); failed != failures_.by_key.end()) {
        // Stays when it is over, to know the next one for one in a row.
        if (now < failed->second.until) return failed->second.outcome;
    }
    const auto denied = denials_.by_key.find(key);
    if (denied == denials_.by_key.end()) return {};
    const auto& entry = denied->second;
    if (now >= entry.until) {
        denials_.erase(key);
        return {};
    }
    auto answer = *entry.outcome;
    const auto left = std::chrono::duration_cast<seconds>(entry.until - now);
    answer.denied_for = static_cast<uint32_t>(left.count());
    return answer;
}

void NegativeCache::keep(const dns::Name& name, uint16_t type, const Outcome& outcome,
                         Milliseconds now) {
    const Key key(name, type);
    if (!outcome) return keep_failure(key, outcome, now);
    failures_.erase(key);
    denials_.erase(key);
    if (!outcome->records.empty()) return;
    const auto lasts = std::min(seconds(outcome->denied_for.value_or(0)), options_.longest);
    if (lasts.count() == 0) return;
    dns::Answer answer;
    answer.rcode = outcome->rcode;
    answer.authenticated = outcome->authenticated;
    auto& entry = denials_.put(key, options_.most_denials);
    entry.outcome = std::move(answer);
    entry.until = now + lasts;
}

void NegativeCache::keep_failure(const Key& key, const Outcome& outcome, Milliseconds now) {
    constexpr unsigned kDoublings = 16;
    unsigned in_row = 0;
    const auto last = failures_.by_key.find(key);
    if (last != failures_.by_key.end() && now - last->second.until < options_.row) {
        in_row = std::min(last->second.in_row + 1, kDoublings);
    }
    failures_.erase(key);
    auto& entry = failures_.put(key, options_.most_failures);
    entry.outcome = outcome;
    entry.in_row = in_row;
    entry.until = now + std::min(options_.failure * (1 << in_row), options_.failure_most);
}

/// A new entry; the key is not there yet.
NegativeCache::Entry& NegativeCache::Part::put(const Key& key, size_t most) {
    if (by_key.size() >= most) erase(Key(*oldest_first.front()));
    const auto at = by_key.emplace(key, Entry{}).first;
    at->second.place = oldest_first.insert(oldest_first.end(), &at->first);
    return at->second;
}

void NegativeCache::Part::erase(const Key& key) {
    const auto at = by_key.find(key);
    if (at == by_key.end()) return;
    oldest_first.erase(at->second.place);
    by_key.erase(at);
}

}  // namespace ipref::resolver::aa

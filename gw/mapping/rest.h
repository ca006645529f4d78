// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers that have expired and are not given out again before they have rested.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "gw/mapping/clock.h"

namespace ipref::gw {

/// `Key` is an EA or one of our IPREF addresses. One thread at a time.
template <typename Key>
class RestArea {
  public:
    void add(const Key& key, Seconds since) {
        since_[key] = since;
        order_.emplace(since, key);
    }
    bool contains(const Key& key) const { return since_.contains(key); }
    void remove(const Key& key) { since_.erase(key); }
    size_t size() const { return since_.size(); }

    /// One that has rested for `rest`, taken out; none if there is none.
    std::optional<Key> take_rested(Seconds now, Seconds rest) {
        while (!order_.empty()) {
            const auto [since, key] = *order_.begin();
            if (now < since || now - since < rest) return std::nullopt;
            order_.erase(order_.begin());
            const auto found = since_.find(key);
            if (found == since_.end() || found->second != since) continue;  // removed meanwhile
            since_.erase(found);
            return key;
        }
        return std::nullopt;
    }

    template <typename Function>
    void each(Function function) const {
        for (const auto& [key, since] : since_) function(key, since);
    }

  private:
    std::unordered_map<Key, Seconds> since_;
    std::multimap<Seconds, Key> order_;  ///< oldest first; may name what was removed meanwhile
};

}  // namespace ipref::gw

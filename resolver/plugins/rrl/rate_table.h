// SPDX-License-Identifier: GPL-2.0-or-later
// How often answers went to a prefix lately: leaky buckets in a table of fixed size, for all
// workers. A prefix that is not in it has asked little; when a place is wanted, the one that asked
// least gives way, so strangers in any number do not push out who is being limited.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "common/net/ip.h"
#include "common/net/siphash.h"

namespace ipref::resolver {

struct RateSettings {
    uint32_t rate = 50;        ///< answers a second to one address
    uint32_t burst = 125;      ///< at once, after silence
    uint32_t places = 65'536;  ///< prefixes that are remembered; 12 bytes each
};

/// A client counts for these prefixes, each with so many times the rate (Knot DNS's scheme).
struct PrefixRate {
    uint8_t bits;
    uint16_t times;
};
std::span<const PrefixRate> prefix_rates(net::Family family);

class RateTable {
  public:
    /// `key` keeps clients from choosing addresses that share a place.
    RateTable(const RateSettings& settings, const net::SipKey& key);

    /// From any thread. Whether one more answer may go to this client, at this time in
    /// milliseconds of any clock; if so it is counted.
    bool take(const net::Ip& client, uint32_t now);

  private:
    static constexpr size_t kWays = 8;
    static constexpr size_t kLocks = 64;
    struct Place {
        uint32_t tag = 0;
        uint32_t at = 0;  // when `level` was true
        float level = 0;  // answers, divided by the prefix's times
    };
    using Set = std::array<Place, kWays>;

    float level_at(const Place& place, uint32_t now) const;
    uint64_t hash(const net::Ip& client, unsigned bits) const;
    float level(uint64_t hash, uint32_t now);
    void add(uint64_t hash, float weight, uint32_t now);
    Set& set_of(uint64_t hash) { return sets_[hash % sets_.size()]; }
    std::mutex& lock_of(uint64_t hash) { return locks_[hash % sets_.size() % kLocks]; }

    RateSettings settings_;
    net::SipKey key_;
    std::vector<Set> sets_;
    std::array<std::mutex, kLocks> locks_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// How many ICMP errors the gateway makes: some to each destination, and not too many in all
// (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 f).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "common/net/ip.h"

namespace ipref::gw {

/// Token buckets, one for all and one for each of 256 groups of destinations. One thread.
class IcmpLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;

    bool allow(const net::Ip& destination, Time now) {
        auto& group = groups_[std::hash<net::Ip>()(destination) % groups_.size()];
        return group.take(now, kGroupRate, kGroupBurst) && all_.take(now, kAllRate, kAllBurst);
    }

    static constexpr uint32_t kGroupRate = 20;  ///< a second
    static constexpr uint32_t kGroupBurst = 20;
    static constexpr uint32_t kAllRate = 200;
    static constexpr uint32_t kAllBurst = 200;

  private:
    struct Bucket {
        Time since{};
        uint64_t used = 0;  // microseconds' worth of tokens that are not back yet

        bool take(Time now, uint32_t rate, uint32_t burst) {
            const auto past = std::chrono::duration_cast<std::chrono::microseconds>(now - since);
            const auto back = static_cast<uint64_t>(past.count() > 0 ? past.count() : 0);
            used = used > back ? used - back : 0;
            since = now;
            const uint64_t token = 1000000 / rate;
            if (used + token > token * burst) return false;
            used += token;
            return true;
        }
    };

    Bucket all_;
    std::array<Bucket, 256> groups_{};
};

}  // namespace ipref::gw

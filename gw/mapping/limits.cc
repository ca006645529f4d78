// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/limits.h"

#include <algorithm>

namespace ipref::gw {

bool TokenBucket::has(Seconds now) {
    if (now > filled_) {
        tokens_ = std::min<uint64_t>(burst_, tokens_ + uint64_t{rate_} * (now - filled_));
        filled_ = now;
    }
    return tokens_ > 0;
}

AllocationLimits::AllocationLimits(const MappingLimits& limits)
    : limits_(limits),
      all_remote_(limits.total_rate, limits.total_burst),
      all_local_(limits.total_rate, limits.total_burst) {}

TokenBucket& AllocationLimits::bucket_of(const net::Ip& gateway) {
    const auto found = by_gateway_.find(gateway);
    if (found != by_gateway_.end()) {
        tracked_.splice(tracked_.begin(), tracked_, found->second);
        return tracked_.front().second;
    }
    if (tracked_.size() >= std::max(1U, limits_.gateways)) {
        by_gateway_.erase(tracked_.back().first);
        tracked_.pop_back();
    }
    tracked_.emplace_front(gateway, TokenBucket(limits_.gateway_rate, limits_.gateway_burst));
    by_gateway_[gateway] = tracked_.begin();
    return tracked_.front().second;
}

bool AllocationLimits::allow_remote(const net::Ip& gateway, Seconds now) {
    if (!all_remote_.has(now)) return false;
    TokenBucket& own = bucket_of(gateway);
    if (!own.has(now)) return false;
    own.take();
    all_remote_.take();
    return true;
}

bool AllocationLimits::allow_local(Seconds now) {
    if (!all_local_.has(now)) return false;
    all_local_.take();
    return true;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/damper.h"

#include <algorithm>

namespace ipref::agent {

run::Milliseconds Damper::judge(uint64_t set, run::Milliseconds now) {
    constexpr int kMostDoublings = 6;
    if (last_ == set) return run::Milliseconds(0);
    while (!left_.empty() && now - left_.front().at > kMemory) left_.pop_front();
    if (left_.empty()) returns_ = 0;
    const bool back =
        std::any_of(left_.begin(), left_.end(), [&](const Left& one) { return one.set == set; });
    if (last_) left_.push_back({*last_, now});
    if (left_.size() > kSets) left_.pop_front();
    last_ = set;
    if (!back || ++returns_ <= kFree) return run::Milliseconds(0);
    return std::min(kFirst * (1 << std::min(returns_ - kFree - 1, kMostDoublings)), kLongest);
}

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
// How often packets may make mappings: token buckets, one a remote gateway and one for all.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "common/net/ip.h"
#include "gw/mapping/clock.h"
#include "gw/mapping/config.h"

namespace ipref::gw {

/// `rate` tokens a second, at most `burst` of them, full at first.
class TokenBucket {
  public:
    TokenBucket(uint32_t rate, uint32_t burst) : rate_(rate), burst_(burst), tokens_(burst) {}

    bool has(Seconds now);
    /// After has() said yes.
    void take() { tokens_--; }

  private:
    uint32_t rate_;
    uint32_t burst_;
    uint64_t tokens_;
    Seconds filled_ = 0;
};

/// One thread at a time.
class AllocationLimits {
  public:
    explicit AllocationLimits(const MappingLimits& limits);

    /// Whether a packet of this remote gateway may make an encoded address; counts it if so.
    bool allow_remote(const net::Ip& gateway, Seconds now);
    /// Whether a packet may make a ref for a local host.
    bool allow_local(Seconds now);

  private:
    using Tracked = std::list<std::pair<net::Ip, TokenBucket>>;
    TokenBucket& bucket_of(const net::Ip& gateway);

    MappingLimits limits_;
    TokenBucket all_remote_;
    TokenBucket all_local_;
    Tracked tracked_;  ///< the most recently used first
    std::unordered_map<net::Ip, Tracked::iterator> by_gateway_;
};

}  // namespace ipref::gw

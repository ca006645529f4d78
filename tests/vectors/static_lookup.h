// SPDX-License-Identifier: GPL-2.0-or-later
// A mapping table with fixed contents, for vectors, unit tests, fuzzers and benchmarks.
#pragma once

#include <unordered_map>

#include "gw/datapath/lookup.h"

namespace ipref::test {

/// Fill it, then share it: look-ups change nothing but the count of misses that would allocate.
class StaticLookup : public gw::Lookup {
  public:
    void add_ours(const net::Ip& host, const net::IpRef& ours) {
        hosts_.emplace(ours, host);
        ours_.insert_or_assign({host, ours.ip.family()}, ours);
    }
    void add_theirs(const net::Ip& ea, const net::IpRef& theirs) {
        theirs_.emplace(ea, theirs);
        eas_.emplace(std::pair(theirs, ea.family()), ea);
    }

    std::optional<net::IpRef> theirs(const net::Ip& ea) override { return find(theirs_, ea); }
    std::optional<net::IpRef> ours(const net::Ip& host, net::Family gw) override {
        const auto found = known_ours(host, gw);
        if (!found) allocations_++;
        return found;
    }
    std::optional<net::Ip> host(const net::IpRef& ours) override { return find(hosts_, ours); }
    std::optional<net::Ip> ea(const net::IpRef& theirs, net::Family ea) override {
        const auto found = known_ea(theirs, ea);
        if (!found) allocations_++;
        return found;
    }
    std::optional<net::IpRef> known_ours(const net::Ip& host, net::Family gw) override {
        return find(ours_, std::pair(host, gw));
    }
    std::optional<net::Ip> known_ea(const net::IpRef& theirs, net::Family ea) override {
        return find(eas_, std::pair(theirs, ea));
    }
    /// How often an allocation was asked for (it is always refused).
    int allocations() const { return allocations_; }

  private:
    struct PairHash {
        template <typename T>
        size_t operator()(const std::pair<T, net::Family>& key) const {
            return std::hash<T>()(key.first) * 31 + static_cast<size_t>(key.second);
        }
    };
    template <typename Map, typename Key>
    static std::optional<typename Map::mapped_type> find(const Map& map, const Key& key) {
        const auto at = map.find(key);
        if (at == map.end()) return std::nullopt;
        return at->second;
    }

    std::unordered_map<net::Ip, net::IpRef> theirs_;
    std::unordered_map<std::pair<net::IpRef, net::Family>, net::Ip, PairHash> eas_;
    std::unordered_map<net::IpRef, net::Ip> hosts_;
    std::unordered_map<std::pair<net::Ip, net::Family>, net::IpRef, PairHash> ours_;
    int allocations_ = 0;
};

}  // namespace ipref::test

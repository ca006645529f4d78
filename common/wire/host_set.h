// SPDX-License-Identifier: GPL-2.0-or-later
// Published hosts and the hash by which agent and gateway compare what they hold of a source.
// Source: spec "The mapper socket", the paragraph on the hash.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/net/ref.h"

namespace ipref::wire {

/// A local host and what it is published as.
struct Host {
    net::Ip ip;
    net::IpRef ipref;
    friend bool operator==(const Host&, const Host&) = default;
};

/// The order the hash is taken in: gw as a number, IPv4 before IPv6, then ref.
inline bool by_ipref(const Host& a, const Host& b) {
    return a.ipref < b.ipref;
}

/// FNV-1a, 64 bits, over the hosts in the order by_ipref: IP bytes, gw bytes, ref as 16 bytes.
class HostHash {
  public:
    HostHash& add(const Host& host);
    uint64_t value() const { return value_; }

  private:
    void add(std::span<const uint8_t> bytes);
    uint64_t value_ = 0xcbf29ce484222325u;
};

/// The hash of hosts in any order. Sorts a copy, unless they are in order.
uint64_t hash_of(std::span<const Host> hosts);

/// The published hosts of one source, "LOCAL:PUBLIC".
struct HostSet {
    std::string local_domain;
    std::string public_domain;
    std::vector<Host> hosts;  ///< in the order by_ipref, no IPREF address twice
    uint64_t hash = 0;        ///< hash_of(hosts)
};

}  // namespace ipref::wire

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/host_set.h"

#include <algorithm>
#include <array>

namespace ipref::wire {

void HostHash::add(std::span<const uint8_t> bytes) {
    constexpr uint64_t kPrime = 0x100000001b3u;
    for (const uint8_t byte : bytes) value_ = (value_ ^ byte) * kPrime;
}

HostHash& HostHash::add(const Host& host) {
    std::array<uint8_t, 16> ref;
    host.ipref.ref.to_bytes(ref.data());
    add(host.ip.bytes());
    add(host.ipref.ip.bytes());
    add(ref);
    return *this;
}

uint64_t hash_of(std::span<const Host> hosts) {
    std::vector<Host> copy;
    if (!std::is_sorted(hosts.begin(), hosts.end(), by_ipref)) {
        copy.assign(hosts.begin(), hosts.end());
        std::stable_sort(copy.begin(), copy.end(), by_ipref);
        hosts = copy;
    }
    HostHash hash;
    for (const auto& host : hosts) hash.add(host);
    return hash.value();
}

}  // namespace ipref::wire

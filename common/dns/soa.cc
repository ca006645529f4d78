// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/soa.h"

#include "common/wire/cursor.h"

namespace ipref::dns {

std::optional<uint32_t> soa_serial(Bytes rdata) {
    constexpr size_t kNumbers = 20;  // serial, refresh, retry, expire, minimum
    if (rdata.size() < kNumbers + 2) return std::nullopt;
    return wire::Reader(rdata.last(kNumbers)).u32();
}

uint32_t soa_minimum(Bytes rdata) {
    constexpr size_t kSize = 4;
    if (rdata.size() < kSize) return 0;
    return wire::Reader(rdata.last(kSize)).u32();
}

}  // namespace ipref::dns

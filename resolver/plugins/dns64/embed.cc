// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dns64/embed.h"

#include <algorithm>
#include <array>

namespace ipref::resolver {

namespace {

constexpr size_t kReserved = 8;  // this octet is zero

}  // namespace

bool can_embed(const net::Cidr& prefix) {
    constexpr unsigned kBits[] = {32, 40, 48, 56, 64, 96};
    return prefix.family() == net::Family::v6 &&
           std::find(std::begin(kBits), std::end(kBits), prefix.bits()) != std::end(kBits) &&
           prefix.ip().data()[kReserved] == 0;
}

net::Ip embed(const net::Cidr& prefix, const net::Ip& v4) {
    std::array<uint8_t, 16> bytes{};
    std::copy_n(prefix.ip().data(), bytes.size(), bytes.begin());
    size_t at = prefix.bits() / 8;
    for (const uint8_t byte : v4.bytes()) {
        if (at == kReserved) at++;
        bytes[at++] = byte;
    }
    return {net::Family::v6, bytes.data()};
}

}  // namespace ipref::resolver

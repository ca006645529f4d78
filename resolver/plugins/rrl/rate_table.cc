// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/rrl/rate_table.h"

#include <algorithm>

namespace ipref::resolver {

namespace {

constexpr PrefixRate kRates4[] = {{32, 1}, {24, 32}, {20, 256}, {18, 768}};
constexpr PrefixRate kRates6[] = {{128, 1}, {64, 2}, {56, 3}, {48, 4}, {32, 64}};
constexpr size_t kMostPrefixes = 5;

}  // namespace

std::span<const PrefixRate> prefix_rates(net::Family family) {
    if (family == net::Family::v4) return kRates4;
    return kRates6;
}

RateTable::RateTable(const RateSettings& settings, const net::SipKey& key)
    : settings_(settings), key_(key), sets_(std::max<size_t>(settings.places / kWays, 1)) {}

uint64_t RateTable::hash(const net::Ip& client, unsigned bits) const {
    std::array<uint8_t, 18> input{};
    const auto prefix = net::Cidr(client, bits).ip();
    std::copy(prefix.bytes().begin(), prefix.bytes().end(), input.begin());
    input[16] = static_cast<uint8_t>(bits);
    input[17] = static_cast<uint8_t>(client.family());
    return net::siphash(key_, input);
}

float RateTable::level_at(const Place& place, uint32_t now) const {
    const auto passed = static_cast<float>(now - place.at);
    return std::max(0.0F, place.level - passed * static_cast<float>(settings_.rate) / 1000.0F);
}

float RateTable::level(uint64_t hash, uint32_t now) {
    const std::lock_guard lock(lock_of(hash));
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (const auto& place : set_of(hash)) {
        if (place.tag == tag) return level_at(place, now);
    }
    return 0;
}

void RateTable::add(uint64_t hash, float weight, uint32_t now) {
    const std::lock_guard lock(lock_of(hash));
    const auto tag = static_cast<uint32_t>(hash >> 32);
    auto& set = set_of(hash);
    auto at = std::ranges::find(set, tag, &Place::tag);
    if (at == set.end()) {
        at = std::ranges::min_element(set, {},
                                      [&](const Place& place) { return level_at(place, now); });
        *at = {.tag = tag, .at = now, .level = 0};
    }
    *at = {.tag = tag, .at = now, .level = level_at(*at, now) + weight};
}

bool RateTable::take(const net::Ip& client, uint32_t now) {
    std::array<uint64_t, kMostPrefixes> hashes;
    const auto rates = prefix_rates(client.family());
    const auto most = static_cast<float>(settings_.burst);
    for (size_t i = 0; i < rates.size(); i++) {
        hashes[i] = hash(client, rates[i].bits);
        const float weight = 1.0F / rates[i].times;
        if (level(hashes[i], now) + weight > most) return false;
    }
    for (size_t i = 0; i < rates.size(); i++) add(hashes[i], 1.0F / rates[i].times, now);
    return true;
}

}  // namespace ipref::resolver

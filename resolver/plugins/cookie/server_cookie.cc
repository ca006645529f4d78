// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cookie/server_cookie.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <vector>

namespace ipref::resolver {

namespace {

constexpr size_t kHashed = 16;  // client's cookie, version, reserved, time
constexpr uint8_t kVersion = 1;
constexpr uint32_t kDay = 86'400;
// RFC 9018 section 4.3: a cookie is good for an hour, and clocks may differ by five minutes.
constexpr int32_t kLife = 3600;
constexpr int32_t kHalfLife = 1800;
constexpr int32_t kAhead = 300;

void store(uint8_t* to, uint64_t value) {
    for (int i = 0; i < 8; i++) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

/// Little-endian hash over the first 16 bytes of the option and the address.
std::array<uint8_t, 8> hash(const net::SipKey& key, std::span<const uint8_t> option,
                            const net::Ip& ip) {
    std::vector<uint8_t> input(option.begin(), option.begin() + kHashed);
    input.insert(input.end(), ip.bytes().begin(), ip.bytes().end());
    std::array<uint8_t, 8> out;
    store(out.data(), net::siphash(key, input));
    return out;
}

uint32_t time_of(std::span<const uint8_t> option) {
    return static_cast<uint32_t>(option[12]) << 24 | static_cast<uint32_t>(option[13]) << 16 |
           static_cast<uint32_t>(option[14]) << 8 | option[15];
}

/// Seconds since it was made; serial arithmetic, as the 32 bits wrap.
int32_t age(std::span<const uint8_t> option, uint32_t now) {
    return static_cast<int32_t>(now - time_of(option));
}

net::SipKey key_of_day(const net::SipKey& master, uint32_t day) {
    net::SipKey out;
    for (uint8_t half = 0; half < 2; half++) {
        const uint8_t input[] = {half, static_cast<uint8_t>(day >> 24),
                                 static_cast<uint8_t>(day >> 16), static_cast<uint8_t>(day >> 8),
                                 static_cast<uint8_t>(day)};
        store(out.data() + 8 * half, net::siphash(master, input));
    }
    return out;
}

}  // namespace

CookieSecrets CookieSecrets::rotating(const net::SipKey& master) {
    CookieSecrets out;
    out.rotates_ = true;
    out.first_ = master;
    return out;
}

CookieSecrets CookieSecrets::fixed(const net::SipKey& current,
                                   const std::optional<net::SipKey>& previous) {
    CookieSecrets out;
    out.first_ = current;
    out.second_ = previous;
    return out;
}

net::SipKey CookieSecrets::key(uint32_t time) const {
    return rotates_ ? key_of_day(first_, time / kDay) : first_;
}

std::optional<net::SipKey> CookieSecrets::key_before(uint32_t time) const {
    return rotates_ ? key_of_day(first_, time / kDay - 1) : second_;
}

Cookie CookieSecrets::make(std::span<const uint8_t> client, const net::Ip& ip, uint32_t now) const {
    Cookie out{};
    std::copy_n(client.begin(), kClientCookie, out.begin());
    out[8] = kVersion;
    for (size_t i = 0; i < 4; i++) out[12 + i] = static_cast<uint8_t>(now >> (24 - 8 * i));
    const auto hashed = hash(key(now), out, ip);
    std::copy(hashed.begin(), hashed.end(), out.begin() + kHashed);
    return out;
}

bool CookieSecrets::valid(std::span<const uint8_t> option, const net::Ip& ip, uint32_t now) const {
    if (option.size() != Cookie().size() || option[8] != kVersion) return false;
    if (age(option, now) > kLife || age(option, now) < -kAhead) return false;
    const auto matches = [&](const net::SipKey& key) {
        const auto expected = hash(key, option, ip);
        return CRYPTO_memcmp(expected.data(), option.data() + kHashed, expected.size()) == 0;
    };
    if (matches(key(now))) return true;
    const auto before = key_before(now);
    return before && matches(*before);
}

bool CookieSecrets::fresh(std::span<const uint8_t> option, uint32_t now) const {
    return age(option, now) <= kHalfLife;
}

}  // namespace ipref::resolver

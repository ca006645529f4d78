// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/siphash.h"

#include <bit>
#include <cstddef>

namespace ipref::net {

namespace {

/// Little-endian, of at most eight bytes.
uint64_t load(const uint8_t* at, size_t count) {
    uint64_t out = 0;
    for (size_t i = 0; i < count; i++) out |= static_cast<uint64_t>(at[i]) << (8 * i);
    return out;
}

struct State {
    uint64_t a, b, c, d;

    void round() {
        a += b;
        b = std::rotl(b, 13) ^ a;
        a = std::rotl(a, 32);
        c += d;
        d = std::rotl(d, 16) ^ c;
        a += d;
        d = std::rotl(d, 21) ^ a;
        c += b;
        b = std::rotl(b, 17) ^ c;
        c = std::rotl(c, 32);
    }
    void word(uint64_t value) {
        d ^= value;
        round();
        round();
        a ^= value;
    }
};

}  // namespace

uint64_t siphash(const SipKey& key, std::span<const uint8_t> bytes) {
    const uint64_t k0 = load(key.data(), 8);
    const uint64_t k1 = load(key.data() + 8, 8);
    State state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                k1 ^ 0x7465646279746573};
    const size_t whole = bytes.size() / 8 * 8;
    for (size_t at = 0; at < whole; at += 8) state.word(load(bytes.data() + at, 8));
    state.word(load(bytes.data() + whole, bytes.size() - whole) |
               static_cast<uint64_t>(bytes.size()) << 56);
    state.c ^= 0xff;
    for (int i = 0; i < 4; i++) state.round();
    return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace ipref::net

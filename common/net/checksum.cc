// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/checksum.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <array>
#include <cstring>
#include <vector>

namespace ipref::net {

namespace {

using detail::add_carry;

uint64_t load(const uint8_t* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    return word;
}

/// Whole words of a span, in blocks of `kBlock` bytes.
using AddBlocks = uint64_t (*)(uint64_t sum, const uint8_t* at, size_t blocks);
constexpr size_t kBlock = 64;

uint64_t add_blocks_plainly(uint64_t sum, const uint8_t* at, size_t blocks) {
    // Four independent chains keep the adder busy; one chain would wait for its own carry.
    uint64_t b = 0;
    uint64_t c = 0;
    uint64_t d = 0;
    for (const uint8_t* end = at + blocks * kBlock; at != end; at += 32) {
        sum = add_carry(sum, load(at));
        b = add_carry(b, load(at + 8));
        c = add_carry(c, load(at + 16));
        d = add_carry(d, load(at + 24));
    }
    return add_carry(add_carry(sum, b), add_carry(c, d));
}

#ifdef __x86_64__
/// 32-bit words into 64-bit sums, low and high halves apart: no carry can be lost before 2^32
/// words.
__attribute__((target("avx2"))) uint64_t add_blocks_avx2(uint64_t sum, const uint8_t* at,
                                                         size_t blocks) {
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i a = _mm256_setzero_si256();
    __m256i b = a;
    __m256i c = a;
    __m256i d = a;
    for (const uint8_t* end = at + blocks * kBlock; at != end; at += kBlock) {
        const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
        a = _mm256_add_epi64(a, _mm256_and_si256(x, low));
        b = _mm256_add_epi64(b, _mm256_srli_epi64(x, 32));
        c = _mm256_add_epi64(c, _mm256_and_si256(y, low));
        d = _mm256_add_epi64(d, _mm256_srli_epi64(y, 32));
    }
    // A high half stands for itself: 2^32 is 1 modulo 2^16 - 1.
    const __m256i all = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    alignas(32) std::array<uint64_t, 4> lanes;
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), all);
    for (const uint64_t lane : lanes) sum = add_carry(sum, lane);
    return sum;
}
#endif

AddBlocks choose() {
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) return add_blocks_avx2;
#endif
    return add_blocks_plainly;
}

}  // namespace

namespace detail {

std::span<const ChecksumBlocks> checksum_blocks() {
    static const auto all = [] {
        std::vector<ChecksumBlocks> out{{"plain", add_blocks_plainly}};
        if (const auto chosen = choose(); chosen != add_blocks_plainly)
            out.push_back({"avx2", chosen});
        return out;
    }();
    return all;
}

}  // namespace detail

Checksum& Checksum::add(std::span<const uint8_t> bytes) {
    static const AddBlocks add_blocks = choose();
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    uint64_t a = sum_;
    if (left >= kBlock) {
        const size_t blocks = left / kBlock;
        a = add_blocks(a, at, blocks);
        at += blocks * kBlock;
        left -= blocks * kBlock;
    }
    for (; left >= 8; at += 8, left -= 8) a = add_carry(a, load(at));
    // An IPv4 address is all tail: copies of fixed size are worth it.
    if ((left & 4) != 0) {
        uint32_t word;
        std::memcpy(&word, at, 4);
        a = add_carry(a, word);
        at += 4;
    }
    if ((left & 3) != 0) {
        uint8_t tail[4] = {};
        for (size_t i = 0; i < (left & 3); i++) tail[i] = at[i];
        uint32_t word;
        std::memcpy(&word, tail, 4);
        a = add_carry(a, word);
    }
    sum_ = a;
    return *this;
}

}  // namespace ipref::net

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/checksum.h"

#include <arpa/inet.h>

#include <cstring>

namespace ipref::net {

namespace {

/// A 64-bit add with the carry put back in: ones' complement in 64 bits, which folds to the same
/// 16-bit sum because 2^64-1 is a multiple of 2^16-1.
uint64_t add_carry(uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

uint64_t load(const uint8_t* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    return word;
}

}  // namespace

Checksum& Checksum::add(std::span<const uint8_t> bytes) {
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    // Four independent chains keep the adder busy; one chain would wait for its own carry.
    uint64_t a = sum_;
    uint64_t b = 0;
    uint64_t c = 0;
    uint64_t d = 0;
    for (; left >= 32; at += 32, left -= 32) {
        a = add_carry(a, load(at));
        b = add_carry(b, load(at + 8));
        c = add_carry(c, load(at + 16));
        d = add_carry(d, load(at + 24));
    }
    a = add_carry(add_carry(a, b), add_carry(c, d));
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

Checksum& Checksum::add_number(uint16_t host_order) {
    return add_field(htons(host_order));
}

Checksum& Checksum::add_field(uint16_t network_order) {
    sum_ = add_carry(sum_, network_order);
    return *this;
}

Checksum& Checksum::add(const Checksum& other) {
    sum_ = add_carry(sum_, other.sum_);
    return *this;
}

Checksum& Checksum::subtract(const Checksum& other) {
    sum_ = add_carry(sum_, static_cast<uint16_t>(~other.sum()));
    return *this;
}

uint16_t Checksum::sum() const {
    uint64_t s = (sum_ & 0xffffffff) + (sum_ >> 32);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return static_cast<uint16_t>(s);
}

uint16_t changed_checksum(uint16_t field, const Checksum& removed, const Checksum& added) {
    Checksum sum;
    sum.add_field(static_cast<uint16_t>(~field)).subtract(removed).add(added);
    return sum.field();
}

}  // namespace ipref::net

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/random.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

namespace ipref::dns {

namespace {

struct Store {
    std::array<uint16_t, 128> numbers;
    size_t left = 0;

    uint16_t take() {
        if (left == 0) {
            // Up to 256 bytes come whole and uninterrupted: getrandom(2).
            const auto got = getrandom(numbers.data(), sizeof numbers, 0);
            if (got != static_cast<ssize_t>(sizeof numbers)) std::abort();
            left = numbers.size();
        }
        return numbers[--left];
    }
};

}  // namespace

uint16_t random_id() {
    thread_local Store store;
    return store.take();
}

uint32_t random_below(uint32_t below) {
    const uint32_t fair = 65536 - 65536 % below;  // beyond it some remainders would come oftener
    for (;;) {
        const uint32_t number = random_id();
        if (number < fair) return number % below;
    }
}

}  // namespace ipref::dns

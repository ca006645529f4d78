// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace ipref::gw {

namespace {

void kernel_random(std::span<uint8_t> out) {
    while (!out.empty()) {
        const ssize_t got = getrandom(out.data(), out.size(), 0);
        if (got > 0) {
            out = out.subspan(static_cast<size_t>(got));
        } else if (errno != EINTR) {  // only without the system call: at start-up
            throw std::system_error(errno, std::generic_category(), "getrandom");
        }
    }
}

}  // namespace

Random::Random() : Random(kernel_random) {}

uint64_t Random::number() {
    uint64_t value;
    if (at_ + sizeof(value) > block_.size()) {
        source_(block_);
        at_ = 0;
    }
    std::memcpy(&value, block_.data() + at_, sizeof(value));
    std::memset(block_.data() + at_, 0, sizeof(value));
    at_ += sizeof(value);
    return value;
}

}  // namespace ipref::gw

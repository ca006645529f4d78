// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/arena.h"

namespace ipref::resolver {

std::span<uint8_t> Arena::room(size_t size) {
    constexpr size_t kAlign = alignof(std::max_align_t);
    const size_t needed = (size + kAlign - 1) / kAlign * kAlign;
    if (needed > kBlock) {
        large_.push_back(std::make_unique_for_overwrite<uint8_t[]>(needed));
        return {large_.back().get(), size};
    }
    if (blocks_.empty() || used_ + needed > kBlock) {
        if (!blocks_.empty()) block_++;
        if (block_ == blocks_.size()) {
            blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kBlock));
        }
        used_ = 0;
    }
    uint8_t* const at = blocks_[block_].get() + used_;
    used_ += needed;
    return {at, size};
}

void Arena::reset() {
    while (!ends_.empty()) {
        const End end = ends_.back();
        ends_.pop_back();
        end.destroy(end.object);
    }
    constexpr size_t kKept = 4;
    if (blocks_.size() > kKept) blocks_.resize(kKept);
    large_.clear();
    block_ = 0;
    used_ = 0;
}

}  // namespace ipref::resolver

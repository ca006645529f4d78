// SPDX-License-Identifier: GPL-2.0-or-later
// Random numbers that nobody can guess: the kernel's generator, read in blocks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

namespace ipref::gw {

/// One thread at a time.
class Random {
  public:
    using Source = std::function<void(std::span<uint8_t>)>;
    /// getrandom(2).
    Random();
    /// For tests.
    explicit Random(Source source) : source_(std::move(source)) {}

    uint64_t number();

  private:
    Source source_;
    std::array<uint8_t, 512> block_{};
    size_t at_ = sizeof(block_);
};

}  // namespace ipref::gw

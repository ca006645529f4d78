// SPDX-License-Identifier: GPL-2.0-or-later
// All that is random in a run, from one seed (splitmix64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipref::gw::sim {

class Chance {
  public:
    explicit Chance(uint64_t seed) : state_(seed) {}

    uint64_t number() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    /// Less than `end`, which is not 0.
    size_t below(size_t end) { return static_cast<size_t>(number() % end); }
    uint32_t from_to(uint32_t first, uint32_t last) {
        return first + static_cast<uint32_t>(below(last - first + 1));
    }
    bool one_in(size_t n) { return below(n) == 0; }
    template <typename T>
    const T& of(const std::vector<T>& all) {
        return all[below(all.size())];
    }

  private:
    uint64_t state_;
};

}  // namespace ipref::gw::sim

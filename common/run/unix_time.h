// SPDX-License-Identifier: GPL-2.0-or-later
// The time of day, for what is dated by others: signatures, stored uses.
#pragma once

#include <chrono>
#include <cstdint>

namespace ipref::run {

/// Seconds since 1970.
inline int64_t unix_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace ipref::run

// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers in environment variables.
#pragma once

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace ipref::run {

/// Nothing if the variable is not set, or anything but one number of this type.
template <typename Number>
std::optional<Number> environment_number(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    Number value = 0;
    const auto end = text + std::strlen(text);
    const auto [at, error] = std::from_chars(text, end, value);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
}

}  // namespace ipref::run

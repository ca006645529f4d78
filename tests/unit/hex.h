// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes as hex text in tests.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ipref::test {

/// Pairs of hex digits; blanks anywhere. Throws on anything else, so that a test cannot pass by it.
inline std::vector<uint8_t> from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ' && c != '\n') digits += c;
    }
    if (digits.size() % 2 != 0) throw std::invalid_argument("odd number of hex digits");
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < digits.size(); i += 2) {
        size_t used = 0;
        bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), &used, 16)));
        if (used != 2) throw std::invalid_argument("not hex: " + digits.substr(i, 2));
    }
    return bytes;
}

inline std::string to_hex(std::span<const uint8_t> bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace ipref::test

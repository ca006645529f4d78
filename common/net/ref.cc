// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/ref.h"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace ipref::net {

namespace {

constexpr size_t kGroups = 8;

__extension__ using Uint128 = unsigned __int128;

/// A '+' in front is allowed, as deployed gateways do.
Result<Ref> parse_decimal(std::string_view text) {
    constexpr auto max = ~static_cast<Uint128>(0);
    Uint128 value = 0;
    const auto digits = text.substr(text.starts_with('+') ? 1 : 0);
    if (digits.empty()) return fail("a reference is missing");
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            return fail("\"{}\" is not a reference: hex digits need a '-', as in 0-{}", text, text);
        }
        const auto digit = static_cast<unsigned>(c - '0');
        if (value > (max - digit) / 10) return fail("reference {} is above 2^128-1", text);
        value = value * 10 + digit;
    }
    return Ref{static_cast<uint64_t>(value >> 64), static_cast<uint64_t>(value)};
}

std::optional<uint16_t> parse_group(std::string_view text) {
    uint16_t value = 0;
    if (text.empty() || text.size() > 4) return std::nullopt;
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value, 16);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
}

/// Splits at '-'; "a--b" gives "a", "", "b".
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto dash = text.find('-');
        parts.push_back(text.substr(0, dash));
        if (dash == std::string_view::npos || parts.size() > kGroups + 2) return parts;
        text.remove_prefix(dash + 1);
    }
}

Ref from_groups(const std::array<uint16_t, kGroups>& groups) {
    Ref ref;
    for (size_t i = 0; i < 4; i++) {
        ref.high = ref.high << 16 | groups[i];
        ref.low = ref.low << 16 | groups[i + 4];
    }
    return ref;
}

std::array<uint16_t, kGroups> to_groups(const Ref& ref) {
    std::array<uint16_t, kGroups> groups{};
    for (size_t i = 0; i < 4; i++) {
        groups[i] = static_cast<uint16_t>(ref.high >> (48 - 16 * i));
        groups[i + 4] = static_cast<uint16_t>(ref.low >> (48 - 16 * i));
    }
    return groups;
}

/// The groups of a hex reference, with `gap` set to where "--" stood.
Result<Ref> parse_hex(std::string_view text) {
    auto parts = split(text);
    if (parts.back().empty() && parts.size() >= 2 && parts[parts.size() - 2].empty()) {
        parts.pop_back();  // a "--" at the end leaves two empty parts
    }
    std::vector<uint16_t> groups;
    std::optional<size_t> gap;
    for (const auto part : parts) {
        if (part.empty() && !groups.empty() && !gap) {
            gap = groups.size();
            continue;
        }
        const auto group = parse_group(part);
        if (!group) return fail("\"{}\" is not a reference: bad group \"{}\"", text, part);
        groups.push_back(*group);
    }
    if (parts.back().empty() && !text.ends_with("--")) {
        return fail("\"{}\" is not a reference: it ends in '-'", text);
    }
    const bool gap_inside = gap && *gap < groups.size();
    if (groups.size() > kGroups || (gap_inside && groups.size() == kGroups)) {
        return fail("\"{}\" is not a reference: more than {} groups", text, kGroups);
    }
    std::array<uint16_t, kGroups> all{};
    const size_t head = gap.value_or(0);
    const size_t missing = kGroups - groups.size();
    for (size_t i = 0; i < groups.size(); i++) all[i < head ? i : i + missing] = groups[i];
    return from_groups(all);
}

}  // namespace

Result<Ref> Ref::parse(std::string_view text) {
    return text.find('-') == std::string_view::npos ? parse_decimal(text) : parse_hex(text);
}

Ref Ref::from_bytes(const uint8_t* bytes) {
    Ref ref;
    for (size_t i = 0; i < 8; i++) {
        ref.high = ref.high << 8 | bytes[i];
        ref.low = ref.low << 8 | bytes[i + 8];
    }
    return ref;
}

void Ref::to_bytes(uint8_t* bytes) const {
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
        bytes[i + 8] = static_cast<uint8_t>(low >> (56 - 8 * i));
    }
}

std::string Ref::str() const {
    if (high == 0 && low < 65536) return fmt::format("{}", low);
    const auto groups = to_groups(*this);
    size_t first = 0;
    while (groups[first] == 0) first++;
    std::string text = fmt::format("{:x}", groups[first]);
    for (size_t i = first + 1; i < kGroups; i++) text += fmt::format("-{:x}", groups[i]);
    return text;
}

std::string IpRef::str() const {
    return fmt::format("{} + {}", ip.str(), ref.str());
}

}  // namespace ipref::net

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/doctor/routes.h"

#include <array>
#include <bit>
#include <charconv>
#include <optional>

namespace ipref::gw::admin {

namespace {

constexpr uint32_t kUp = 0x1;            // RTF_UP
constexpr uint32_t kReject = 0x200;      // RTF_REJECT
constexpr uint32_t kLocal = 0x80000000;  // RTF_LOCAL
constexpr uint8_t kMulticast = 0xff;

std::optional<uint32_t> hex(std::string_view text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto start = line.find_first_not_of(" \t\r");
        if (start == std::string_view::npos) return out;
        line.remove_prefix(start);
        out.push_back(line.substr(0, line.find_first_of(" \t\r")));
        line.remove_prefix(out.back().size());
    }
}

template <typename Take>
void each_line(std::string_view text, Take take) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        take(words(line));
    }
}

/// The kernel prints the address as a number of its own byte order.
net::Ip ip_of(uint32_t printed) {
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &printed, bytes.size());
    return {net::Family::v4, bytes.data()};
}

}  // namespace

std::vector<Route> parse_routes4(std::string_view text) {
    std::vector<Route> routes;
    each_line(text, [&](const std::vector<std::string_view>& line) {
        // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
        if (line.size() < 8) return;
        const auto to = hex(line[1]);
        const auto flags = hex(line[3]);
        const auto mask = hex(line[7]);
        if (!to || !flags || !mask || (*flags & kUp) == 0 || (*flags & kReject) != 0) return;
        const auto bits = static_cast<unsigned>(std::popcount(*mask));
        routes.push_back({net::Cidr(ip_of(*to), bits), std::string(line[0])});
    });
    return routes;
}

std::vector<Route> parse_routes6(std::string_view text) {
    std::vector<Route> routes;
    each_line(text, [&](const std::vector<std::string_view>& line) {
        // destination prefix source prefix next-hop metric refcount use flags device
        if (line.size() < 10 || line[0].size() != 32) return;
        std::array<uint8_t, 16> bytes{};
        for (size_t i = 0; i < bytes.size(); i++) {
            const auto byte = hex(line[0].substr(2 * i, 2));
            if (!byte) return;
            bytes[i] = static_cast<uint8_t>(*byte);
        }
        const auto bits = hex(line[1]);
        const auto flags = hex(line[8]);
        if (!bits || *bits > 128 || !flags) return;
        if ((*flags & (kReject | kLocal)) != 0 || bytes[0] == kMulticast) return;
        const net::Ip ip(net::Family::v6, bytes.data());
        routes.push_back({net::Cidr(ip, *bits), std::string(line[9])});
    });
    return routes;
}

}  // namespace ipref::gw::admin

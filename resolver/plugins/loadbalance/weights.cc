// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/loadbalance/weights.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/words.h"

namespace ipref::resolver {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::optional<unsigned> parse_weight(std::string_view text) {
    uint8_t value = 0;
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool good = !text.empty() && error == std::errc() && at == end && value > 0;
    return good ? std::optional<unsigned>(value) : std::nullopt;
}

}  // namespace

Result<Weights> Weights::parse(std::string_view text, const std::string& file) {
    Weights out;
    std::unordered_map<net::Ip, unsigned>* current = nullptr;
    for (size_t number = 1; !text.empty(); number++) {
        const auto whole = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(whole.size() + 1, text.size()));
        auto line = whole.substr(0, whole.find('#'));
        const auto first = take_word(line, kBlanks);
        const auto second = take_word(line, kBlanks);
        if (first.empty()) continue;
        if (!take_word(line, kBlanks).empty()) {
            return fail("{}:{}: a name, or an address and its weight, is expected", file, number);
        }
        if (second.empty()) {
            const auto name = dns::Name::parse(first);
            if (!name) return fail("{}:{}: wrong domain name: \"{}\"", file, number, first);
            current = &out.names_[name->lower()];
            continue;
        }
        const auto ip = net::Ip::parse(first);
        const auto weight = parse_weight(second);
        if (!ip) return fail("{}:{}: wrong IP address: \"{}\"", file, number, first);
        if (!weight)
            return fail("{}:{}: wrong weight: \"{}\" is not 1 to 255", file, number, second);
        if (current == nullptr) {
            return fail("{}:{}: an address before the first domain name", file, number);
        }
        (*current)[*ip] = *weight;
    }
    return out;
}

unsigned Weights::of(const dns::Name& name, const net::Ip& ip) const {
    const auto known = names_.find(name);
    if (known == names_.end()) return 1;
    const auto weight = known->second.find(ip);
    return weight == known->second.end() ? 1 : weight->second;
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/hosts/table.h"

#include <algorithm>
#include <array>

#include "common/words.h"

namespace ipref::resolver {

namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
void append_once(std::vector<T>& to, const T& value) {
    if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

Bytes parent(Bytes name) {
    return name.subspan(name[0] + 1U);
}

bool is_wildcard(Bytes name) {
    return name[0] == 1 && name[1] == '*';
}

int digit(uint8_t byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const uint8_t lower = dns::lower_byte(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The labels of a name, as far as `count` of them.
std::vector<std::string_view> labels_of(const Name& name, size_t count) {
    std::vector<std::string_view> out;
    for (Bytes rest = name.wire(); rest[0] != 0 && out.size() < count; rest = parent(rest)) {
        out.push_back(as_text(rest.subspan(1, rest[0])));
    }
    return out;
}

std::optional<net::Ip> v4_of(const std::vector<std::string_view>& labels) {
    std::string text;
    for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
        text += text.empty() ? "" : ".";
        text += *label;
    }
    const auto ip = net::Ip::parse(text);
    return ip && ip->is_v4() ? std::optional(*ip) : std::nullopt;
}

std::optional<net::Ip> v6_of(const std::vector<std::string_view>& labels) {
    std::array<uint8_t, 16> bytes{};
    for (size_t i = 0; i < labels.size(); i++) {
        const int value = labels[i].size() == 1 ? digit(static_cast<uint8_t>(labels[i][0])) : -1;
        if (value < 0) return std::nullopt;
        const size_t at = 15 - i / 2;
        bytes[at] = static_cast<uint8_t>(bytes[at] | value << (i % 2 * 4));
    }
    return net::Ip(net::Family::v6, bytes.data());
}

}  // namespace

std::optional<net::Ip> address_of_reverse(const Name& name) {
    static const Name v4_zone = *Name::parse("in-addr.arpa");
    static const Name v6_zone = *Name::parse("ip6.arpa");
    if (name.labels() == 6 && name.is_under(v4_zone)) return v4_of(labels_of(name, 4));
    if (name.labels() == 34 && name.is_under(v6_zone)) return v6_of(labels_of(name, 32));
    return std::nullopt;
}

void HostsTable::add(std::string_view text, bool reverse) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        add_line(line, reverse);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
}

void HostsTable::add_line(std::string_view line, bool reverse) {
    line = line.substr(0, line.find('#'));
    auto word = take_word(line, kBlanks);
    const auto ip = net::Ip::parse(word.substr(0, word.find('%')));  // fe80::1%lo0
    if (!ip) return;
    for (word = take_word(line, kBlanks); !word.empty(); word = take_word(line, kBlanks)) {
        const auto parsed = Name::parse(word);
        if (!parsed) continue;
        const auto name = parsed->lower();
        auto& addresses = names_[std::string(as_text(name.wire()))];
        append_once(ip->is_v4() ? addresses.v4 : addresses.v6, *ip);
        const bool wildcard = is_wildcard(name.wire());
        if (reverse && !wildcard) append_once(owners_[*ip], std::string(as_text(name.wire())));
        if (wildcard && !wildcards_) {
            wildcards_ = true;
            for (const auto& [known, unused] : names_) {
                const Bytes wire(reinterpret_cast<const uint8_t*>(known.data()), known.size());
                note_parents(*Name::from_wire(wire));
            }
        }
        if (wildcards_) note_parents(name);
    }
}

/// Names that exist only as parents still keep a wildcard above them from matching.
void HostsTable::note_parents(const Name& name) {
    if (name.is_root()) return;
    for (Bytes rest = parent(name.wire()); rest[0] != 0; rest = parent(rest)) {
        if (!parents_.emplace(as_text(rest)).second) return;
    }
}

const HostsTable::Addresses* HostsTable::at(Bytes name) const {
    const auto found = names_.find(as_text(name));
    return found == names_.end() ? nullptr : &found->second;
}

const HostsTable::Addresses* HostsTable::find(const Name& lower) const {
    if (const auto* own = at(lower.wire())) return own;
    if (!wildcards_ || parents_.contains(as_text(lower.wire()))) return nullptr;
    Bytes rest = lower.wire();
    while (rest[0] != 0) {
        rest = parent(rest);
        const bool exists = rest[0] == 0 || at(rest) != nullptr || parents_.contains(as_text(rest));
        if (!exists) continue;
        std::string wildcard("\1*", 2);
        wildcard += as_text(rest);
        const auto found = names_.find(wildcard);
        return found == names_.end() ? nullptr : &found->second;
    }
    return nullptr;
}

std::span<const std::string> HostsTable::names(const net::Ip& ip) const {
    const auto found = owners_.find(ip);
    return found == owners_.end() ? std::span<const std::string>() : found->second;
}

}  // namespace ipref::resolver

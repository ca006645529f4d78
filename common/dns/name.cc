// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/name.h"

#include <algorithm>
#include <cassert>

namespace ipref::dns {

namespace {

constexpr auto kLower = [] {
    std::array<uint8_t, 256> table{};
    for (size_t i = 0; i < table.size(); i++) table[i] = lower_byte(static_cast<uint8_t>(i));
    return table;
}();

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes one character of a label, escapes resolved, off the front of `text`.
std::optional<uint8_t> take_byte(std::string_view& text) {
    const char first = text[0];
    text.remove_prefix(1);
    if (first != '\\') return static_cast<uint8_t>(first);
    if (text.empty()) return std::nullopt;
    if (!is_digit(text[0])) {
        const char escaped = text[0];
        text.remove_prefix(1);
        return static_cast<uint8_t>(escaped);
    }
    if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
    const int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    text.remove_prefix(3);
    if (value > 255) return std::nullopt;
    return static_cast<uint8_t>(value);
}

void append_byte(std::string& text, uint8_t byte) {
    if (byte <= ' ' || byte >= 127) {
        text += fmt::format("\\{:03}", byte);
        return;
    }
    const char c = static_cast<char>(byte);
    if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' ||
        c == '$') {
        text += '\\';
    }
    text += c;
}

}  // namespace

bool same_bytes(Bytes a, Bytes b) {
    if (a.size() != b.size()) return false;
    if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
    for (size_t i = 0; i < a.size(); i++) {
        if (kLower[a[i]] != kLower[b[i]]) return false;
    }
    return true;
}

Result<Name> Name::parse(std::string_view text) {
    const std::string_view whole = text;
    Name name;
    if (text == ".") return name;
    if (text.empty()) return fail("a domain name is missing");
    size_t at = 0;
    while (!text.empty()) {
        const size_t length_at = at++;
        while (!text.empty() && text[0] != '.') {
            const auto byte = take_byte(text);
            if (!byte) return fail("\"{}\" is not a domain name: bad escape", whole);
            if (at - length_at > kMaxLabel) {
                return fail("\"{}\" is not a domain name: a label is longer than {} bytes", whole,
                            kMaxLabel);
            }
            if (at >= kMaxName - 1) {
                return fail("\"{}\" is not a domain name: longer than {} bytes", whole, kMaxName);
            }
            name.bytes_[at++] = *byte;
        }
        if (at == length_at + 1) return fail("\"{}\" is not a domain name: empty label", whole);
        name.bytes_[length_at] = static_cast<uint8_t>(at - length_at - 1);
        name.labels_++;
        if (!text.empty()) text.remove_prefix(1);
    }
    name.bytes_[at++] = 0;
    name.size_ = static_cast<uint8_t>(at);
    return name;
}

std::optional<Name> Name::from_wire(Bytes wire) {
    size_t at = 0;
    size_t labels = 0;
    while (at < wire.size() && wire[at] != 0) {
        if (wire[at] > kMaxLabel) return std::nullopt;
        at += wire[at] + 1U;
        labels++;
        if (at >= kMaxName) return std::nullopt;
    }
    if (at >= wire.size()) return std::nullopt;
    return trusted(wire.first(at + 1), labels);
}

Name Name::trusted(Bytes wire, size_t labels) {
    assert(!wire.empty() && wire.size() <= kMaxName && labels <= kMaxLabels);
    Name name;
    name.size_ = static_cast<uint8_t>(wire.size());
    name.labels_ = static_cast<uint8_t>(labels);
    std::memcpy(name.bytes_.data(), wire.data(), wire.size());
    return name;
}

Name Name::lower() const {
    Name name;
    name.size_ = size_;
    name.labels_ = labels_;
    for (size_t i = 0; i < size_; i++) name.bytes_[i] = kLower[bytes_[i]];
    return name;
}

bool Name::is_under(const Name& zone) const {
    if (labels_ < zone.labels_ || size_ < zone.size_) return false;
    // The end of the bytes may look like the zone in the middle of a label: walk the labels.
    size_t at = 0;
    for (size_t i = labels_ - zone.labels_; i > 0; i--) at += bytes_[at] + 1U;
    return same_bytes(wire().subspan(at), zone.wire());
}

Name Name::without(size_t count) const {
    assert(count <= labels_);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) at += bytes_[at] + 1U;
    return trusted(wire().subspan(at), labels_ - count);
}

std::optional<Name> Name::wildcard() const {
    constexpr uint8_t kStar[] = {'*'};
    return with_label(kStar);
}

std::optional<Name> Name::with_label(Bytes label) const {
    if (label.empty() || label.size() > kMaxLabel || size_ + label.size() + 1 > kMaxName) {
        return std::nullopt;
    }
    Name name;
    name.bytes_[0] = static_cast<uint8_t>(label.size());
    std::memcpy(name.bytes_.data() + 1, label.data(), label.size());
    std::memcpy(name.bytes_.data() + 1 + label.size(), bytes_.data(), size_);
    name.size_ = static_cast<uint8_t>(size_ + label.size() + 1);
    name.labels_ = static_cast<uint8_t>(labels_ + 1);
    return name;
}

std::string Name::str() const {
    if (is_root()) return ".";
    std::string text;
    text.reserve(size_);
    for (size_t at = 0; bytes_[at] != 0; at += bytes_[at] + 1U) {
        for (size_t i = 1; i <= bytes_[at]; i++) append_byte(text, bytes_[at + i]);
        text += '.';
    }
    return text;
}

size_t Name::hash() const {
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < size_; i++) h = (h ^ kLower[bytes_[i]]) * 0x100000001b3U;
    return static_cast<size_t>(h ^ (h >> 29));
}

std::weak_ordering Name::order(const Name& a, const Name& b) {
    std::array<uint8_t, kMaxLabels> starts_a;
    std::array<uint8_t, kMaxLabels> starts_b;
    const auto labels = [](const Name& name, std::array<uint8_t, kMaxLabels>& starts) {
        size_t count = 0;
        for (size_t at = 0; name.bytes_[at] != 0; at += name.bytes_[at] + 1U) {
            starts[count++] = static_cast<uint8_t>(at);
        }
        return count;
    };
    size_t left_a = labels(a, starts_a);
    size_t left_b = labels(b, starts_b);
    while (left_a > 0 && left_b > 0) {
        const uint8_t* x = a.bytes_.data() + starts_a[--left_a];
        const uint8_t* y = b.bytes_.data() + starts_b[--left_b];
        for (size_t i = 1; i <= std::min(*x, *y); i++) {
            if (kLower[x[i]] != kLower[y[i]]) return kLower[x[i]] <=> kLower[y[i]];
        }
        if (*x != *y) return *x <=> *y;
    }
    return left_a <=> left_b;
}

}  // namespace ipref::dns

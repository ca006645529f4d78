// SPDX-License-Identifier: GPL-2.0-or-later
// Domain names as values: the uncompressed wire form of RFC 1035 section 3.1, inline, no heap.
// Compared without regard to ASCII case (RFC 4343); the case that was given is kept.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace ipref::dns {

using Bytes = std::span<const uint8_t>;

constexpr size_t kMaxName = 255;    ///< bytes on the wire, the root's zero included
constexpr size_t kMaxLabel = 63;    ///< bytes, without the length byte
constexpr size_t kMaxLabels = 127;  ///< without the root

/// Lower case for A to Z, everything else as it is.
constexpr uint8_t lower_byte(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + 32) : byte;
}
/// Equal but for ASCII case. Length bytes of a name are below 64 and so never taken for letters.
bool same_bytes(Bytes a, Bytes b);

/// An absolute name. Default: the root. A copy costs as many bytes as the name has.
class Name {
  public:
    Name() { bytes_[0] = 0; }
    Name(const Name& other) { copy(other); }
    Name& operator=(const Name& other) {
        if (this != &other) copy(other);
        return *this;
    }

    /// Presentation format: "www.example.com", with or without the final dot (always taken as
    /// absolute), "." for the root, escapes `\.` and `\065`.
    static Result<Name> parse(std::string_view text);
    /// Reads one uncompressed name off the front of `wire`; bytes behind it are left alone.
    static std::optional<Name> from_wire(Bytes wire);
    /// From labels known to be well-formed: `wire` is a whole name of `labels` labels.
    static Name trusted(Bytes wire, size_t labels);

    Bytes wire() const { return {bytes_.data(), size_}; }
    /// Bytes on the wire: 1 (root) to 255.
    size_t size() const { return size_; }
    /// Without the root: "www.example.com." has 3.
    size_t labels() const { return labels_; }
    bool is_root() const { return size_ == 1; }

    Name lower() const;
    /// Equal to `zone` or below it.
    bool is_under(const Name& zone) const;
    /// Without the leftmost `count` labels (at most labels()).
    Name without(size_t count) const;
    /// The leftmost label's bytes; empty for the root.
    Bytes first_label() const { return {bytes_.data() + 1, bytes_[0]}; }
    /// `label` (1 to 63 bytes) put in front; nothing if that would be too long.
    std::optional<Name> with_label(Bytes label) const;
    /// The wildcard below it, "*.example.com."; nothing if that would be too long.
    std::optional<Name> wildcard() const;

    /// "www.example.com.", "."; odd bytes escaped, so that it parses to the same name.
    std::string str() const;
    /// Of the lower-cased name.
    size_t hash() const;

    friend bool operator==(const Name& a, const Name& b) {
        return a.size_ == b.size_ && same_bytes(a.wire(), b.wire());
    }
    /// Canonical order (RFC 4034 section 6.1): by labels from the right, as lower-case bytes.
    friend std::weak_ordering operator<=>(const Name& a, const Name& b) { return order(a, b); }

  private:
    static std::weak_ordering order(const Name& a, const Name& b);
    void copy(const Name& other) {
        size_ = other.size_;
        labels_ = other.labels_;
        std::memcpy(bytes_.data(), other.bytes_.data(), size_);
    }

    uint8_t size_ = 1;
    uint8_t labels_ = 0;
    std::array<uint8_t, kMaxName> bytes_;  // uninitialised behind size_
};

}  // namespace ipref::dns

template <>
struct std::hash<ipref::dns::Name> {
    size_t operator()(const ipref::dns::Name& name) const noexcept { return name.hash(); }
};

// SPDX-License-Identifier: GPL-2.0-or-later
// Bounded cursors for every wire format: the first error sticks and is checked once, at the end.
// Numbers are big-endian on the wire.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "common/net/ip.h"
#include "common/net/ref.h"

namespace ipref::wire {

using Bytes = std::span<const uint8_t>;

/// Reads from a span that outlives it. After a read past the end, ok() is false and every further
/// read gives zeros or an empty span.
class Reader {
  public:
    explicit Reader(Bytes bytes) : bytes_(bytes) {}

    bool ok() const { return ok_; }
    /// ok() and nothing left.
    bool done() const { return ok_ && at_ == bytes_.size(); }
    size_t position() const { return at_; }
    size_t left() const { return ok_ ? bytes_.size() - at_ : 0; }
    /// What has not been read yet.
    Bytes rest() const { return ok_ ? bytes_.subspan(at_) : Bytes{}; }
    /// For format errors found by the caller: from now on ok() is false.
    void fail() { ok_ = false; }

    Bytes take(size_t count) {
        if (!ok_ || count > bytes_.size() - at_) {
            ok_ = false;
            return {};
        }
        at_ += count;
        return bytes_.subspan(at_ - count, count);
    }
    void skip(size_t count) { take(count); }
    uint8_t u8() { return static_cast<uint8_t>(number(1)); }
    uint16_t u16() { return static_cast<uint16_t>(number(2)); }
    uint32_t u32() { return static_cast<uint32_t>(number(4)); }
    uint64_t u64() { return number(8); }
    net::Ip ip(net::Family family) {
        const auto bytes = take(net::address_size(family));
        return ok_ ? net::Ip(family, bytes.data()) : net::Ip::any(family);
    }
    /// A reference of 16 bytes.
    net::Ref ref() {
        const auto bytes = take(16);
        return ok_ ? net::Ref::from_bytes(bytes.data()) : net::Ref{};
    }

  private:
    uint64_t number(size_t size) {
        uint64_t value = 0;
        for (const uint8_t byte : take(size)) value = value << 8 | byte;
        return value;
    }

    Bytes bytes_;
    size_t at_ = 0;
    bool ok_ = true;
};

/// Writes into a span that outlives it. A write that does not fit leaves ok() false and writes
/// nothing, now and later.
class Writer {
  public:
    explicit Writer(std::span<uint8_t> space) : space_(space) {}

    bool ok() const { return ok_; }
    size_t size() const { return at_; }
    size_t left() const { return ok_ ? space_.size() - at_ : 0; }
    /// What has been written so far.
    std::span<uint8_t> written() const { return space_.first(at_); }

    /// Room for `count` bytes, to be filled by the caller; empty if it does not fit.
    std::span<uint8_t> reserve(size_t count) {
        if (!ok_ || count > space_.size() - at_) {
            ok_ = false;
            return {};
        }
        at_ += count;
        return space_.subspan(at_ - count, count);
    }
    void bytes(Bytes from) {
        const auto to = reserve(from.size());
        if (!to.empty()) std::memcpy(to.data(), from.data(), from.size());
    }
    void u8(uint8_t value) { number(value, 1); }
    void u16(uint16_t value) { number(value, 2); }
    void u32(uint32_t value) { number(value, 4); }
    void u64(uint64_t value) { number(value, 8); }
    void ip(const net::Ip& ip) { bytes(ip.bytes()); }
    /// A reference as 16 bytes.
    void ref(const net::Ref& ref) {
        const auto to = reserve(16);
        if (!to.empty()) ref.to_bytes(to.data());
    }

  private:
    void number(uint64_t value, size_t size) {
        const auto to = reserve(size);
        value <<= 64 - 8 * size;  // the number's first byte on top
        for (uint8_t& byte : to) {
            byte = static_cast<uint8_t>(value >> 56);
            value <<= 8;
        }
    }

    std::span<uint8_t> space_;
    size_t at_ = 0;
    bool ok_ = true;
};

}  // namespace ipref::wire

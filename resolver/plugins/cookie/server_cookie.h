// SPDX-License-Identifier: GPL-2.0-or-later
// Server cookies that any server with the same secret takes (RFC 9018): version, time, and a
// SipHash over the client's cookie and address. No I/O, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/net/ip.h"
#include "common/net/siphash.h"

namespace ipref::resolver {

constexpr size_t kClientCookie = 8;
/// The client's cookie and the server's, as they stand in the option.
using Cookie = std::array<uint8_t, 24>;

/// Keys by which cookies are made and taken.
class CookieSecrets {
  public:
    /// Keys that follow from `master`, another one each day.
    static CookieSecrets rotating(const net::SipKey& master);
    /// `current` makes cookies, `previous` is taken as well: for servers that share them.
    static CookieSecrets fixed(const net::SipKey& current,
                               const std::optional<net::SipKey>& previous);

    /// The option for a client with this cookie (its first 8 bytes) at this time.
    Cookie make(std::span<const uint8_t> client, const net::Ip& ip, uint32_t now) const;
    /// Whether the option's data is a cookie that we made for this client, in the last hour.
    bool valid(std::span<const uint8_t> option, const net::Ip& ip, uint32_t now) const;
    /// Likewise in the last half hour: it need not be replaced.
    bool fresh(std::span<const uint8_t> option, uint32_t now) const;

  private:
    net::SipKey key(uint32_t time) const;
    std::optional<net::SipKey> key_before(uint32_t time) const;

    bool rotates_ = false;
    net::SipKey first_{};  // master if it rotates
    std::optional<net::SipKey> second_;
};

}  // namespace ipref::resolver

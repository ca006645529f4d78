// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of server blocks and zones as arguments. Source: spec page "ipref-coredns", 2.3
// "Server-block keys".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/name.h"
#include "resolver/corefile/token.h"

namespace ipref::resolver {

using dns::Name;

/// One zone that a server block serves: "tls://example.org:853".
struct ZoneKey {
    std::string transport = "dns";  ///< dns, tls, https, quic, grpc
    Name zone;                      ///< lower case
    uint16_t port = 53;
    Position at;

    /// "example.org.:53", "tls://example.org.:853": the line printed at start.
    std::string str() const;
    /// With the transport always: "dns://example.org.:53".
    std::string full() const;
};

/// One key; a prefix off an octet or nibble boundary gives several. `dns_port`: of keys without
/// port and with transport dns.
Result<std::vector<ZoneKey>> parse_key(const Token& key, uint16_t dns_port);

/// A zone as an argument, to lower case: "Example.org" -> "example.org.", "10.0.0.0/15" ->
/// "0.10.in-addr.arpa.", "1.10.in-addr.arpa.". A scheme and a port are taken off.
Result<std::vector<Name>> normalize_zone(std::string_view text);

/// The longest of `zones` that `name` is under; null if there is none. Both in any case.
const Name* longest_zone(std::span<const Name> zones, const Name& name);

}  // namespace ipref::resolver

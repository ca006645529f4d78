// SPDX-License-Identifier: GPL-2.0-or-later
// What the agent is told to publish: LOCAL:PUBLIC:SERVER[:PORT][/query][,...]
// Source: spec "ipref-dns-agent".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/dns/name.h"
#include "common/mapper/types.h"
#include "common/result.h"

namespace ipref::agent {

inline constexpr size_t kMostServers = 32;  ///< of one source

/// A server of the public zone: an address or a name, and a port.
struct Server {
    std::string host;  ///< "192.0.2.1", "2001:db8::53" or "ns1.example.com"
    uint16_t port = 53;
    /// It is asked for one name after the other; else for the zone as a whole.
    bool by_query = false;

    /// "192.0.2.1:53", "[2001:db8::53]:53/query", "ns1.example.com:53".
    std::string str() const;
    friend bool operator==(const Server&, const Server&) = default;
};

struct Source {
    dns::Name local;  ///< where the hosts' own addresses are
    dns::Name public_zone;
    std::vector<Server> servers;  ///< at least one, no host and port twice

    /// As the gateway is told: lower case, no dot at the end.
    mapper::Source id() const;
    /// "internal:example.com", for logs.
    std::string str() const;
    friend bool operator==(const Source&, const Source&) = default;
};

/// The error shows the text and says what is wrong with it.
Result<Source> parse_source(std::string_view text);
/// One more; with the LOCAL and PUBLIC of another it is an error.
Result<void> add_source(std::string_view text, std::vector<Source>& sources);
/// All of a command line; two sources with the same LOCAL and PUBLIC are an error.
Result<std::vector<Source>> parse_sources(const std::vector<std::string>& texts);

}  // namespace ipref::agent

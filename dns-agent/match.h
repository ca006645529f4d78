// SPDX-License-Identifier: GPL-2.0-or-later
// From the AA records of a public zone to published hosts: which names must be looked up, and what
// their addresses make of the records. No I/O.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/dns/name.h"
#include "common/net/ip.h"
#include "common/wire/host_set.h"
#include "dns-agent/zone.h"

namespace ipref::agent {

/// Families wanted: of local hosts, and of gateways.
struct Families {
    net::Family ea = net::Family::v4;
    net::Family gw = net::Family::v4;
};

/// first-label.LOCAL; nothing if that would be too long or the owner has no label.
std::optional<std::string> local_name(const std::string& owner, const dns::Name& local);

/// Names to be looked up, each once.
struct Wanted {
    std::vector<std::string> hosts;     ///< for addresses of Families::ea
    std::vector<std::string> gateways;  ///< for addresses of Families::gw
};
Wanted wanted_names(const Zone& zone, const dns::Name& local);

/// What a look-up gave. No address: `why` ("does not exist", "has no A record", ...).
struct Found {
    std::vector<net::Ip> ips;  ///< in order
    std::string why;
    bool unanswered = false;  ///< no server answered; the addresses are those of before
    /// Of the world's clock: when the name is to be looked up again. Nothing: with the next poll.
    std::optional<std::chrono::milliseconds> until = std::nullopt;
};
struct LookUps {
    std::unordered_map<std::string, Found> hosts;
    std::unordered_map<std::string, Found> gateways;
};

struct Matched {
    std::vector<wire::Host> hosts;      ///< in order, ready for a HostSet
    std::vector<std::string> warnings;  ///< one for each record that was skipped, naming it
};

/// A host with several addresses is published by the lowest, so that the choice is stable; a
/// gateway name with several makes the host known under each of them.
Matched match(const Zone& zone, const dns::Name& local, const Families& families,
              const LookUps& found);

}  // namespace ipref::agent

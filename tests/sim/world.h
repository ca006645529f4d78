// SPDX-License-Identifier: GPL-2.0-or-later
// A small world, so that its inhabitants meet: a few remote hosts, a few of ours, few refs.
#pragma once

#include <string>
#include <vector>

#include "common/wire/host_set.h"
#include "gw/mapping/table.h"
#include "sim/chance.h"

namespace ipref::gw::sim {

struct World {
    /// Draws which families and public addresses the gateway has, and its limits.
    explicit World(Chance& chance);

    MappingConfig config;
    std::vector<net::IpRef> remotes;    ///< whom resolvers and packets ask for
    std::vector<net::Ip> hosts;         ///< ours
    std::vector<net::IpRef> published;  ///< what ours are published as
    std::vector<net::Ip> static_eas;    ///< in the encode networks
    std::vector<std::string> domains;   ///< of agents' sources

    net::Family ea_family(Chance& chance) const;
    net::Family gw_family(Chance& chance) const;
    /// What an agent publishes; now and then something that cannot be held.
    std::vector<wire::Host> agents_set(Chance& chance) const;
    std::vector<StaticMapping> hosts_file(Chance& chance) const;
    /// Whether the gateway can hold it at all.
    bool fits(const StaticMapping& mapping) const;
};

constexpr const char* kHostsFile = "hosts file";
inline std::string source_of(const std::string& domain) {
    return "internal:" + domain;
}

}  // namespace ipref::gw::sim

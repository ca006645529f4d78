// SPDX-License-Identifier: GPL-2.0-or-later
// From TXT data to published hosts: lines "owner<TAB>AA string". No IPREF address comes out twice,
// and the hosts are in the order of the hash.
#include "dns-agent/match.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "common/dns/aa.h"

namespace {

using namespace ipref;

agent::Zone zone_of(std::string_view text) {
    agent::Zone zone;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto tab = line.find('\t');
        if (tab == std::string_view::npos) continue;
        const auto owner = dns::Name::parse(line.substr(0, tab));
        const auto aa = dns::parse_aa(line.substr(tab + 1));
        if (!owner || !aa) continue;
        const auto* ip = std::get_if<net::Ip>(&aa->gw);
        zone.entries.push_back({owner->lower().str(),
                                ip != nullptr ? ip->str() : std::get<dns::Name>(aa->gw).str(),
                                aa->ref});
    }
    return zone;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto local = dns::Name::parse("internal").value();
    const auto zone = zone_of({reinterpret_cast<const char*>(data), size});
    agent::LookUps found;
    uint32_t number = 0;
    const auto wanted = agent::wanted_names(zone, local);
    for (const auto& name : wanted.hosts) {
        if (!dns::Name::parse(name)) std::abort();
        found.hosts[name].ips = {net::Ip::v4(0x0a000000 + number++ % 5)};
    }
    for (const auto& name : wanted.gateways) {
        if (!dns::Name::parse(name)) std::abort();
        found.gateways[name].ips = {net::Ip::v4(0xcb007100 + number++ % 3)};
    }
    const auto hosts = agent::match(zone, local, {}, found).hosts;
    const auto bad =
        std::adjacent_find(hosts.begin(), hosts.end(),
                           [](const auto& a, const auto& b) { return !(a.ipref < b.ipref); });
    if (bad != hosts.end()) std::abort();
    return 0;
}

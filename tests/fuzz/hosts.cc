// SPDX-License-Identifier: GPL-2.0-or-later
// The hosts file: any text gives mappings that fit the configuration, and bounded errors.
#include <cstdlib>

#include "gw/hosts/parser.h"

using namespace ipref;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    gw::MappingConfig config;
    config.encode_nets = {net::Cidr(net::Ip::v4(0x0af00000), 12)};
    config.gateways = {net::Ip::v4(0xcb007101)};
    const auto file = gw::parse_hosts({reinterpret_cast<const char*>(data), size}, "hosts", config);
    if (file.errors.size() > 1001) std::abort();
    for (const auto& mapping : file.mappings) {
        const bool remote = mapping.relation == gw::Relation::remote;
        if (config.in_encode_net(mapping.ip) != remote) std::abort();
        if (!mapping.ipref.ip.is_global_unicast()) std::abort();
    }
    for (const auto& error : file.errors) {
        if (error.size() > 400) std::abort();
    }
    return 0;
}

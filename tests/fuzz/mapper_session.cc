// SPDX-License-Identifier: GPL-2.0-or-later
// A client of the mapper socket that sends anything: the input is cut into records by two-byte
// lengths. Every answer is a record that our own parsers take, and what is held stays bounded.
#include <algorithm>
#include <cstdlib>

#include "gw/broker/session.h"

using namespace ipref;

namespace {

gw::MappingConfig config() {
    gw::MappingConfig config;
    config.encode_nets = {net::Cidr(net::Ip::v4(0x0af00000), 12)};
    config.gateways = {net::Ip::v4(0xcb007101)};
    return config;
}

void check(const gw::Reply& reply) {
    if (reply.record.empty()) return;
    const bool ours = wire::parse_frame(reply.record).has_value();
    if (!ours && !wire::parse_v1(reply.record)) std::abort();
    if (reply.durable && reply.refused("full").empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static gw::Clock clock;
    gw::Table table(config(), clock);
    gw::BrokerOptions options;
    options.set_hosts = 100;
    const gw::BrokerSources sources;
    const gw::SessionContext context{table,
                                     options,
                                     sources,
                                     [] { return size_t{1}; },
                                     [] { return std::map<std::string, uint64_t>(); },
                                     [] { return std::string(); }};
    gw::Session session(context);
    wire::Reader in({data, size});
    while (in.left() > 2) {
        const size_t length = std::min<size_t>(in.u16(), in.left());
        check(session.take(in.take(length)));
    }
    if (table.count(gw::Relation::remote) + table.count(gw::Relation::local) > size) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// LOCAL out of any message: what is found is bounded, and every name has an answer or none.
#include <cstdlib>

#include "dns-agent/local_zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref;
    const auto zone = dns::Name::parse("internal").value();
    agent::LocalZone made(zone);
    std::vector<dns::Name> owners;
    dns::MessageReader reader({data, size});
    while (const auto view = reader.record()) {
        if (!view->owner.is_under(zone)) continue;
        if (!made.add(reader, *view)) return 0;
        owners.push_back(view->owner);
    }
    for (const auto& one : owners) {
        const auto found = made.find(one, net::Family::v4);
        if (found && found->ips.empty() == found->why.empty()) std::abort();
    }
    for (const auto& one : made.names_under(zone)) {
        if (one.labels() != zone.labels() + 1 || !one.is_under(zone)) std::abort();
    }
    return 0;
}

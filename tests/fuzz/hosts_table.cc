// SPDX-License-Identifier: GPL-2.0-or-later
// Hosts files of plugin hosts: every name that is read is found, its addresses lead back to it.
#include "resolver/plugins/hosts/table.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    using namespace ipref;
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    resolver::HostsTable table;
    table.add("192.0.2.1 known.test *.known.test\n", true);
    table.add(text, true);
    const auto known = *dns::Name::parse("known.test");
    const auto* found = table.find(known);
    if (found == nullptr || found->v4.empty()) std::abort();
    if (table.names(*net::Ip::parse("192.0.2.1")).empty()) std::abort();
    if (const auto name = dns::Name::from_wire({bytes, size})) {
        table.find(name->lower());
        resolver::address_of_reverse(*name);
    }
    return 0;
}

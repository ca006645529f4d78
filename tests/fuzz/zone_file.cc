// SPDX-License-Identifier: GPL-2.0-or-later
// A zone file, and the zone that comes of it: every name of it is found again, in order, and none
// is its own encloser.
#include <cstdlib>

#include "resolver/plugins/file/zone_text.h"

namespace {

using namespace ipref;
using namespace ipref::resolver;

void must(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const Name origin = *Name::parse("example.org");
    const ReadFile include = [](const std::string& path) -> Result<std::string> {
        if (path != "part") return fail("{}: no such file", path);
        return std::string("inc 5 A 192.0.2.1\n");
    };
    const auto got = read_zone(text, "db", origin, include);
    if (!got) {
        must(got.error().text.starts_with("db") || got.error().text.starts_with("part"));
        return 0;
    }
    const auto& zone = *got->zone;
    for (uint32_t i = 0; i < zone.nodes().size(); i++) {
        const auto name = Name::from_wire(zone.node(i).name());
        must(name.has_value());
        must(zone.find(name->lower().wire()) == i);
        must(zone.at_or_before(*name) == i);
        if (i > 0) must(*Name::from_wire(zone.node(i - 1).name()) < *name);
        if (i > 0) must(zone.encloser(name->lower().wire()) < i);
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// A deployed gateway's database: any bytes give mappings or an error, in time linear in their size.
#include "gw/mapping/bolt/contents.h"

#include <cstdlib>

using namespace ipref;
using namespace ipref::gw;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    for (const auto ea : {net::Family::v4, net::Family::v6}) {
        for (const auto gw : {net::Family::v4, net::Family::v6}) {
            const auto contents = bolt::parse({data, size}, {ea, gw});
            if (!contents) continue;
            for (const auto& mapping : contents->mappings) {
                if (mapping.owner >= contents->owners.size()) std::abort();
                if (mapping.ip.family() != ea || mapping.ipref.ip.family() != gw) std::abort();
            }
        }
    }
    return 0;
}

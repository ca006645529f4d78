// SPDX-License-Identifier: GPL-2.0-or-later
// What one server publishes in a zone.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "common/net/ref.h"

namespace ipref::agent {

/// One AA record. Names in presentation format, lower case, with a dot at the end.
struct Entry {
    std::string owner;
    std::string gw;  ///< an address or a name; a name ends with a dot, an address never does
    net::Ref ref;
    friend auto operator<=>(const Entry&, const Entry&) = default;
};

struct Zone {
    uint32_t serial = 0;
    bool gone = false;           ///< the server says that it has no such zone
    std::vector<Entry> entries;  ///< in order, none twice
    /// Records that were passed over, named; of the first few.
    std::vector<std::string> warnings;
    uint64_t more_warnings = 0;  ///< not listed
};

}  // namespace ipref::agent

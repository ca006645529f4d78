// SPDX-License-Identifier: GPL-2.0-or-later
// What one server answered to the questions for one zone's names, and until when that holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/dns/name.h"
#include "common/run/loop.h"

namespace ipref::agent {

struct QueryCache {
    struct Known {
        /// Data of the TXT records with AA strings, in order; none: denied, or others.
        std::vector<std::string> rdata;
        run::Milliseconds until{};  ///< of the loop's clock
        /// Signed answers: until when they are valid, seconds since 1970.
        std::optional<int64_t> signed_until;
        bool of_wildcard = false;  ///< proven to be
        bool leads_out = false;    ///< an alias leads out of the zone, and to nothing that counts
    };
    std::optional<uint32_t> serial;
    std::unordered_map<dns::Name, Known> names;
};

}  // namespace ipref::agent

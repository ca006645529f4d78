// SPDX-License-Identifier: GPL-2.0-or-later
// When a source has several servers, its data counts once a majority of them give the same.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns-agent/zone.h"

namespace ipref::agent {

/// What one server gave last; no zone if it gave none.
struct Vote {
    std::string server;
    std::shared_ptr<const Zone> zone;
};

struct Verdict {
    std::shared_ptr<const Zone> zone;  ///< nullptr: no majority
    size_t votes = 0;                  ///< for the zone most servers agree on
    size_t needed = 0;                 ///< n/2+1
    /// For each server that differs from the others, its name and how; of entries the first few.
    std::vector<std::string> differences;
};

/// Zones are the same if their entries are. Serials may differ.
Verdict quorum(std::span<const Vote> votes);

/// "2 more (+ a.example.com. AA 192.0.2.1 + 5, ...)": from the entries of `base` to `other`.
std::string difference(const Zone& base, const Zone& other);

}  // namespace ipref::agent

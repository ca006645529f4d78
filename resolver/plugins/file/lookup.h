// SPDX-License-Identifier: GPL-2.0-or-later
// Questions to a zone: RFC 1034 section 4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672) and the
// records that DNSSEC needs (RFC 4035 section 3.1). Like CoreDNS, answers with data carry the
// zone's NS records in the authority section.
#pragma once

#include <optional>

#include "resolver/plugins/file/zone.h"
#include "resolver/server/query.h"

namespace ipref::resolver {

/// Where a chain of aliases left the zone.
struct Leaves {
    Name target;
};

/// Fills the query's reply from the zone, which the query has pinned; spans point into it or into
/// the query's arena. With a result, the reply has the chain so far: the caller looks the target
/// up elsewhere, adds what it finds, and calls add_authority.
std::optional<Leaves> answer_from(const Zone& zone, Query& q);

/// The apex' NS records, for answers whose chain went on elsewhere.
void add_apex_ns(const Zone& zone, Query& q);

/// The zone's SOA, as the first and last record of transfers.
RecordRef soa_of(const Zone& zone);

}  // namespace ipref::resolver

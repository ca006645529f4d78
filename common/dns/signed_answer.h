// SPDX-License-Identifier: GPL-2.0-or-later
// A whole answer of a signed zone's server, every part of it proven (RFC 4035 section 5): the
// records, the aliases that led there, that a wildcard was right to answer, that there is nothing.
// No I/O. Work is bounded: so many aliases are followed and signed denials looked at.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/dnssec.h"

namespace ipref::dns {

struct SignedAnswer {
    std::vector<Record> records;  ///< none: it is proven that the zone has none
    /// The name that was asked for is not there, a wildcard answers for it.
    bool of_wildcard = false;
    bool leads_out = false;  ///< by an alias, out of the zone: others have the records, if any
    uint32_t ttl = 0;        ///< the least, seconds; no more than was signed
    int64_t until = 0;       ///< the first end of a signature, seconds since 1970
};

/// `message`: of a server of the zone that `keys` are of; what was asked. The error is the
/// reader's, to be put behind the name: "TXT records are signed, but ...".
tl::expected<SignedAnswer, std::string> signed_answer(Bytes message, const Name& name,
                                                      uint16_t type, const ZoneKeys& keys,
                                                      int64_t now);

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
// A whole zone with signatures, NSEC records and its keys, as the text of a zone file (RFC 4034,
// 4035; CDS and CDNSKEY by RFC 7344). No I/O, no clock.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolver/plugins/dnssec/rrsig.h"
#include "resolver/plugins/file/zone.h"

namespace ipref::resolver {

struct SigningTerms {
    Validity validity;
    uint32_t serial = 0;  ///< in the place of the zone's own
};

/// Every key signs every set. Signatures and NSEC records of the zone, and CDS and CDNSKEY records
/// at its apex, give way to new ones; DNSKEY records stay beside those of `keys`. Errors: the zone
/// is signed with NSEC3, or a key cannot sign.
Result<std::string> sign_zone(const Zone& zone, std::span<const SigningKey> keys,
                              const SigningTerms& terms);

/// What the signatures over a zone's SOA say: from the latest inception to the first expiration.
/// Nothing if one of `keys` has not signed it.
std::optional<Validity> validity_of(const Zone& zone, std::span<const SigningKey> keys);

}  // namespace ipref::resolver

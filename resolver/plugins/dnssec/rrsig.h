// SPDX-License-Identifier: GPL-2.0-or-later
// What is signed of a set of records, and how an RRSIG record begins (RFC 4034 sections 3 and 6);
// for plugin dnssec, which signs answers, and plugin sign, which signs zone files.
#pragma once

#include <span>
#include <vector>

#include "resolver/plugins/dnssec/key.h"
#include "resolver/server/message.h"

namespace ipref::resolver {

/// Seconds since 1970.
struct Validity {
    uint32_t inception = 0;
    uint32_t expiration = 0;
};

struct ToSign {
    std::vector<uint8_t> head;  ///< the RRSIG's data, without the signature that follows it
    std::vector<uint8_t> data;  ///< what key.sign() signs: `head`, then the records
};

/// `set`: records of one owner, class, type and TTL.
ToSign to_sign(std::span<const RecordRef> set, const Name& zone, const SigningKey& key,
               Validity validity);

/// Records' data in canonical form (RFC 4034 section 6.2): names of the old types in lower case.
std::vector<uint8_t> canonical_rdata(uint16_t type, dns::Bytes rdata);
/// The type bitmap of an NSEC record (RFC 4034 section 4.1.2); `types` in ascending order.
std::vector<uint8_t> type_bitmap(std::span<const uint16_t> types);

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Whether records are what their zone has signed (DNSSEC: RFC 4034, RFC 4035 section 5). No I/O.
// Cryptography by ldns. Work is bounded: so many signatures of a set and keys of a zone are looked
// at, the rest is ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/result.h"

struct ldns_struct_rr_list;

namespace ipref::dns {

/// The records of one owner and type, and the RRSIG records over them.
struct SignedSet {
    std::vector<Record> records;
    std::vector<Record> signatures;
};

/// Seconds since 1970 until which a signature is valid, or why none is: "is not signed", "its
/// signature expired on 2026-01-31", ... to be put behind what it is about.
using Validity = tl::expected<int64_t, std::string>;

/// What a valid signature says of a set.
struct Proof {
    int64_t until = 0;  ///< seconds since 1970
    uint32_t ttl = 0;   ///< of the records as they were signed; theirs now may be less, not more
    size_t labels = 0;  ///< of the owner as it was signed, without a wildcard's asterisk
    bool wildcard = false;  ///< made by one: the owner has more labels than that
};

/// Trusted keys of zones: DS and DNSKEY records, in a file or built in.
using TrustAnchors = std::vector<Record>;
/// ICANN's for the root: KSK-2017 and KSK-2024.
TrustAnchors root_anchors();
/// DS and DNSKEY records in presentation format, one a line, `;` begins a comment. The error names
/// the file and the line.
Result<TrustAnchors> read_anchors(const std::string& path);

/// The keys of one zone, trusted.
class ZoneKeys {
  public:
    /// `set`: the zone's DNSKEY records. One of the keys must be an anchor, or have one's hash,
    /// and sign them all. The error is the reader's: "its DNSKEY records ...".
    static tl::expected<ZoneKeys, std::string> make(const Name& zone, const TrustAnchors& anchors,
                                                    const SignedSet& set, int64_t now);

    const Name& zone() const { return zone_; }
    /// Until when the DNSKEY records themselves are signed.
    int64_t until() const { return until_; }
    /// Of a set in the zone. One that a wildcard made is not valid here.
    Validity verify(const SignedSet& set, int64_t now) const;
    /// Likewise, but a wildcard may have made it. Then it counts only with a proof that nothing
    /// closer to the owner is there (common/dns/denial.h).
    tl::expected<Proof, std::string> prove(const SignedSet& set, int64_t now) const;

  private:
    ZoneKeys() = default;
    Name zone_;
    int64_t until_ = 0;
    std::shared_ptr<ldns_struct_rr_list> keys_;
};

/// What a signature covers; nothing if it is malformed.
std::optional<uint16_t> covered_type(Bytes rrsig);
/// The records of one owner and type in the answer or authority section of a message, with their
/// signatures.
SignedSet set_in(Bytes message, const Name& owner, uint16_t type);

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin tsig for other plugins of its block: its keys, who has signed a query, and how a signature
// is verified.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>

#include "common/dns/tsig.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

/// A handler that has keys.
class KeyRing {
  public:
    virtual ~KeyRing() = default;
    virtual const std::unordered_map<Name, dns::TsigKey>& keys() const = 0;
    /// The key that the query was signed with, verified; null: none.
    virtual const Name* signed_by(Query& q) const = 0;
};
/// The block's; null: it has none.
const KeyRing* key_ring_of(const Chain& chain);

/// `key NAME` in a Corefile: where it stands, and what it is once the block is whole.
struct NamedKey {
    Token word;
    Name name;
};
/// The end of an option's line, `key NAME`, taken off the words. Nothing if they end otherwise.
Result<std::optional<NamedKey>> take_key(std::vector<Token>& words);
/// The ring's key, or none if none is named. The error says which keys there are.
Result<std::optional<dns::TsigKey>> find_key(const std::optional<NamedKey>& named,
                                             const KeyRing* ring);

/// Step::next if the query's signature, `record`, is right: the answer will be signed. Else the
/// answer is NOTAUTH and says why. `secret`: that of the key which the record names; empty if there
/// is none.
Step verify_signature(Query& q, const dns::TsigRecord& record, std::span<const uint8_t> secret);

}  // namespace ipref::resolver

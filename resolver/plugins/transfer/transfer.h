// SPDX-License-Identifier: GPL-2.0-or-later
// Zone transfers to other servers (RFC 5936, RFC 1995 answered with the whole zone) and telling
// them of new data (RFC 1996).
#pragma once

#include <optional>
#include <vector>

#include "resolver/plugins/file/zone.h"
#include "resolver/plugins/tsig/keys.h"
#include "resolver/server/query.h"

namespace ipref::resolver {

/// Who may have a zone.
struct Recipient {
    std::optional<net::Endpoint> at;  ///< asks from any port, is told at this one; none: everybody
    std::optional<NamedKey> named;    ///< the key as the Corefile names it
    std::optional<dns::TsigKey> key;  ///< must have signed the question; signs what it is told

    /// `signed_by`: null if the question is not signed.
    bool is(const net::Ip& client, const Name* signed_by) const;
};

/// One `transfer` line: its zones, and who may have them.
struct TransferRule {
    std::vector<Name> zones;
    std::vector<Recipient> to;

    bool allows(const net::Ip& client, const Name* signed_by) const;
};

/// A transfer under way: SOA, everything else, SOA, in messages of about 16 KB.
class Outgoing {
  public:
    explicit Outgoing(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}
    /// Puts the next records into the reply; false when these are the last.
    bool fill(Reply& reply);
    size_t sent() const { return sent_; }
    const Zone& zone() const { return *zone_; }

  private:
    bool next(RecordRef& record);

    std::shared_ptr<const Zone> zone_;
    size_t node_ = 0;
    size_t set_ = 0;
    size_t record_ = 0;
    size_t foreign_ = 0;
    bool begun_ = false;
    bool ended_ = false;
    size_t sent_ = 0;
};

/// The serial in the SOA of an IXFR question's authority section; nothing if it has none for the
/// zone asked.
std::optional<uint32_t> client_serial(const Request& request);
/// Whether a is b or newer, as RFC 1982 counts.
bool serial_reached(uint32_t a, uint32_t b);

}  // namespace ipref::resolver

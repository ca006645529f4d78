// SPDX-License-Identifier: GPL-2.0-or-later
// Brings what is known of a zone up to date with one server: its serial is asked first, what has
// changed is asked for where something is known (IXFR), else or if that fails the zone (AXFR).
// Each question over a TCP connection of its own, bounded in time and size (dns::TransferLimits);
// differences may take half the time, so that there is some left for the zone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/dns/transfer.h"
#include "dns-agent/fetch.h"
#include "dns-agent/zone_stream.h"

namespace ipref::agent {

class ZoneFetch : public Fetch {
  public:
    struct Target {
        net::Endpoint server;
        dns::Name zone;
        std::shared_ptr<const Zone> have;   ///< nullptr: nothing is known
        const dns::TsigKey* key = nullptr;  ///< outlives the fetch
        dns::TransferLimits limits;
        /// Not null: the zone must be signed by keys that these vouch for, and is transferred as a
        /// whole each time. That none is left out, DNSSEC does not say here; a key (TSIG) does.
        std::shared_ptr<const dns::TrustAnchors> anchors = nullptr;
        /// Of `have`.
        std::optional<int64_t> signed_until = std::nullopt;
    };

    ZoneFetch(run::Loop& loop, Target target, Callback callback);
    ~ZoneFetch() override;

  private:
    void ask(dns::AnswerStream& stream, const dns::TransferLimits& limits,
             dns::Transfer::Callback then);
    void ask_serial();
    void serial(const dns::TransferStep& end);
    void ask_zone(std::shared_ptr<const Zone> have);
    void zone(const dns::TransferStep& end);
    void check(std::shared_ptr<const Zone> zone);
    TransferError refused(TransferError error) const;

    run::Loop& loop_;
    Target target_;
    std::unique_ptr<dns::SoaStream> soa_;
    std::unique_ptr<ZoneStream> differences_;
    std::unique_ptr<ZoneStream> whole_;
    std::vector<std::unique_ptr<dns::Transfer>> transfers_;  ///< one a question, kept to the end
    std::optional<SignedZone> signatures_;
    std::unique_ptr<ZoneCheck> check_;
    int64_t now_;  ///< seconds since 1970
    std::string note_;
    bool has_zone_ = false;  ///< it gave the serial
};

}  // namespace ipref::agent

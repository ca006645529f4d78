// SPDX-License-Identifier: GPL-2.0-or-later
// The AA records of a zone, out of a transfer (common/dns/axfr.h) or of the differences since one.
#pragma once

#include <memory>

#include "common/dns/axfr.h"
#include "dns-agent/signed_zone.h"
#include "dns-agent/zone.h"

namespace ipref::agent {

class ZoneStream {
  public:
    /// With `have` the differences since that are asked for (IXFR), else the zone (AXFR).
    /// `signatures`, of a whole zone, may be nullptr, and outlives the stream.
    ZoneStream(const dns::Name& zone, uint16_t id, std::shared_ptr<const Zone> have,
               SignedZone* signatures = nullptr);
    ZoneStream(const ZoneStream&) = delete;
    ZoneStream& operator=(const ZoneStream&) = delete;

    dns::AnswerStream& answers() { return *stream_; }
    /// Of differences, not of a zone.
    bool differences() const;
    /// Once, when done. `have` itself if nothing is newer.
    std::shared_ptr<const Zone> take();

  private:
    std::shared_ptr<const Zone> have_;
    ZoneBuilder builder_;
    std::unique_ptr<dns::AxfrStream> stream_;
    const dns::IxfrStream* ixfr_ = nullptr;  ///< the same, if it is one
};

}  // namespace ipref::agent

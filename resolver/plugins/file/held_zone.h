// SPDX-License-Identifier: GPL-2.0-or-later
// A worker's own hold on a zone, for plugins that serve zones which are replaced while queries run.
#pragma once

#include <memory>

#include "resolver/plugins/file/zone.h"
#include "resolver/server/query.h"

namespace ipref::resolver {

/// The count of its pointer is not shared with other threads: a query costs no contended atomic.
class HeldZone {
  public:
    /// The zone of `source` as it is now, which the query pins; null if it has no data. `source` is
    /// always the same one, with zone() and a version() that changes when zone() does.
    template <typename Source>
    const Zone* now(const Source& source, Query& q) {
        const uint64_t version = source.version();
        if (zone_ == nullptr || version_ != version) {
            version_ = version;
            zone_ = std::make_shared<const std::shared_ptr<const Zone>>(source.zone());
        }
        q.pin(zone_);
        return zone_->get();
    }

  private:
    uint64_t version_ = 0;
    std::shared_ptr<const std::shared_ptr<const Zone>> zone_;
};

}  // namespace ipref::resolver

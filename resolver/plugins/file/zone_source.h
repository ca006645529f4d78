// SPDX-License-Identifier: GPL-2.0-or-later
// What plugin transfer asks of plugins that have zones.
#pragma once

#include <functional>
#include <memory>

#include "resolver/plugins/file/zone.h"

namespace ipref::resolver {

class ZoneSource {
  public:
    virtual ~ZoneSource() = default;
    /// The zone with this origin (lower case) as it is now; null if it is not one of the source's,
    /// or has no data. Any thread.
    virtual std::shared_ptr<const Zone> zone(const Name& origin) const = 0;
    /// The origins of all its zones, whether they have data or not.
    virtual std::vector<Name> origins() const = 0;
    /// Called on the first worker's thread when a zone has new data. Before start().
    virtual void on_change(std::function<void(const Zone&)> callback) = 0;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Where the mappings are kept: the one interface between what decides (committer.h) and what
// writes (lmdb.h).
#pragma once

#include <cstddef>
#include <functional>

#include "common/result.h"
#include "gw/mapping/change.h"

namespace ipref::gw {

/// Reads: the thread that made it, before the first write. Writes: any thread, one at a time.
class Disk {
  public:
    virtual ~Disk() = default;

    /// Everything, owners before mappings. False: a record is damaged, or could not be read.
    using OnOwner = std::function<void(const OwnerRecord&)>;
    using OnMapping = std::function<void(const MappingRecord&)>;
    virtual bool read(const OnOwner& on_owner, const OnMapping& on_mapping) const = 0;
    /// How many mappings read() will find, at most.
    virtual size_t count(Relation relation) const = 0;
    /// The greatest clock stored; 0 if nothing was written yet.
    virtual Seconds time() const = 0;

    /// All or nothing, on disk when it returns. `clear`: in place of everything that was there.
    virtual Result<void> write(const Units& units, Seconds time, bool clear) = 0;
};

}  // namespace ipref::gw

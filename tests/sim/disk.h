// SPDX-License-Identifier: GPL-2.0-or-later
// A disk in memory that holds records as bytes, and does what disks do.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "gw/mapping/disk.h"
#include "gw/mapping/store_format.h"
#include "sim/chance.h"
#include "sim/contents.h"

namespace ipref::gw::sim {

class SimDisk : public Disk {
  public:
    enum class Mode : uint8_t {
        works,
        full,  ///< refuses; nothing is written
        lies,  ///< says that it has failed, though all of it is written
    };
    Mode mode = Mode::works;

    bool read(const OnOwner& on_owner, const OnMapping& on_mapping) const override;
    size_t count(Relation relation) const override;
    Seconds time() const override;
    Result<void> write(const Units& units, Seconds time, bool clear) override;

    /// Writes that are there, whatever was said of them.
    uint64_t landed() const { return landed_; }
    /// Tears one record: some of its bytes are others, or gone. False: there is none.
    bool tear(Chance& chance);
    bool torn() const { return torn_; }
    /// As the gateway does with a damaged database: another one, empty.
    void set_aside();
    /// What can be read.
    Contents contents() const;

  private:
    using Key = std::pair<StoreTable, std::vector<uint8_t>>;
    void put(const StoreItem& item);

    std::map<Key, std::vector<uint8_t>> records_;
    uint64_t landed_ = 0;
    bool torn_ = false;
};

}  // namespace ipref::gw::sim

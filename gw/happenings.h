// SPDX-License-Identifier: GPL-2.0-or-later
// What happens in the gateway while somebody listens: packets and drops from the workers' taps,
// mappings from the table. While nobody does, nothing is kept.
#pragma once

#include <mapper.pb.h>

#include <memory>

#include "gw/datapath/datapath.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// Of the loop's thread. `datapath` may be nullptr; both outlive it.
class Happenings {
  public:
    Happenings(Table& table, Datapath* datapath) : table_(table), datapath_(datapath) {}
    ~Happenings() { listen({}); }
    Happenings(const Happenings&) = delete;
    Happenings& operator=(const Happenings&) = delete;

    void listen(const proto::TraceRequest& wanted);
    void take(proto::TraceEvents& out);

  private:
    struct Mappings;  // filled by whichever thread changes the table

    Table& table_;
    Datapath* datapath_;
    std::shared_ptr<Mappings> mappings_;  ///< if they are listened to
};

}  // namespace ipref::gw

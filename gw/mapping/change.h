// SPDX-License-Identifier: GPL-2.0-or-later
// What the table tells the store: every change of what must survive.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/mapping/clock.h"

namespace ipref::gw {

/// Who made a mapping. 0 is the mapper itself (dynamic), 1 the gateway's own addresses, which are
/// not stored; others are owners of static sets.
using OwnerId = uint32_t;
constexpr OwnerId kDynamic = 0;
constexpr OwnerId kGatewayItself = 1;

/// EA <-> (their gw, their ref), or our IP <-> (our gw, our ref).
enum class Relation : uint8_t { remote, local };

/// One mapping as it is stored.
struct MappingRecord {
    Relation relation = Relation::remote;
    bool resting = false;  ///< expired; `used` is when; its number is not given out yet
    net::Ip ip;            ///< EA, or our host
    net::IpRef ipref;
    OwnerId owner = kDynamic;
    Seconds used = 0;
    uint64_t serial = 0;  ///< grows; among a host's refs the newest is used
};

/// Who publishes a static set, as it is stored.
struct OwnerRecord {
    OwnerId id = kDynamic;
    std::string name;       ///< "hosts file /etc/hosts", "internal:example.com"
    bool expires = false;   ///< agents' sources do if they are not confirmed
    bool has_hash = false;  ///< its agent gave one
    uint64_t hash = 0;
    Seconds confirmed = 0;
};

struct EraseMapping {
    Relation relation;
    net::Ip ip;
    net::IpRef ipref;
};

struct EraseOwner {
    OwnerId id;
};

using Change = std::variant<MappingRecord, EraseMapping, OwnerRecord, EraseOwner>;
/// Units in the order in which they were made. A deque: adding one never moves those before it.
using Units = std::deque<std::vector<Change>>;

/// Takes changes to disk. One call is one unit: all of it is stored or nothing.
class Journal {
  public:
    virtual ~Journal() = default;
    /// Called from any thread with the table's writer lock held, in the order of the changes:
    /// must neither block nor call the table.
    virtual void record(std::vector<Change> changes) = 0;
    /// So much waits for the disk that packets shall make no more mappings. From any thread.
    virtual bool congested() const { return false; }
};

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// Takes over the mappings of a deployed gateway, at a first start.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "gw/mapping/bolt/contents.h"
#include "gw/mapping/table.h"

namespace ipref::gw::bolt {

/// What became of a file's mappings.
struct Imported {
    size_t remote = 0;  ///< encoded addresses
    size_t local = 0;   ///< references of our hosts
    size_t over = 0;    ///< not live any more
    size_t refused = 0;
    std::vector<std::string> reasons;  ///< of the first few, each naming the mapping
};

/// Into a table that nothing else changes meanwhile. Addresses, references and owners' names stay
/// as they are; a path as name is the hosts file's. Lives begin anew: nobody knows for how long the
/// gateway stood still. Where two claim the same, the hosts file wins over agents, both over
/// dynamic mappings, and the first over the second. Dynamic numbers that are not live any more
/// rest.
class Importer {
  public:
    /// Table and clock outlive it.
    Importer(Table& table, const Clock& clock) : table_(table), clock_(clock) {}

    Imported take(const Contents& contents);

  private:
    void take_live(const Contents& contents, Imported& imported);
    void let_rest(const Contents& contents);
    /// Why the mapping was not taken; nothing if it was.
    std::optional<std::string> take_one(const Mapping& mapping, const std::string& owner);
    /// The owner's number in the table, made if it is new; nothing if it cannot be.
    std::optional<OwnerId> owner_for(const std::string& name);

    Table& table_;
    const Clock& clock_;
    std::map<std::string, OwnerId> owners_;
    size_t statics_ = 0;
};

/// Reads the files `mapper_ea4_gw4.db` and so on of `directory`, as far as there are any, into the
/// table, and logs what came of it. They are left as they are; one that is damaged is passed over.
/// True if there was any. Errors: a gateway is running with one of them, or it cannot be read;
/// nothing must be stored then, so that the next start tries again.
Result<bool> import_files(const std::string& directory, Table& table, const Clock& clock);

}  // namespace ipref::gw::bolt

// SPDX-License-Identifier: GPL-2.0-or-later
// What a start does with the database that it finds.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "gw/mapping/disk.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

class Database;

/// What opening found.
struct StoreOpened {
    size_t mappings = 0;
    size_t dropped = 0;     ///< did not fit the configuration, to be erased
    std::string set_aside;  ///< a damaged database's new path; empty: none
    Seconds time = 0;       ///< the greatest clock stored: the gateway's clock starts no earlier
};

/// Opens or makes the database `path`. One that is damaged or foreign is renamed, which `opened`
/// tells, and a new one made. Errors: no permission, no space, a newer format.
Result<std::unique_ptr<Database>> open_database(const std::string& path, StoreOpened& opened);

/// From the disk into an empty table; `clock` is set to the stored time if that is later. False if
/// not all could be read.
bool restore(const Disk& disk, Table& table, Clock& clock, StoreOpened& opened);

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// The database file: opening, reading through, writing a group. Layout: store.h.
#pragma once

#include <lmdb.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "gw/mapping/store_format.h"

namespace ipref::gw {

/// Why a database could not be opened.
struct DatabaseError {
    bool damaged = false;  ///< or not ours: set it aside. Else the text says what stands in the way
    std::string text;
};

/// An open database. Reads: the thread that opened it, before the first write. Writes: any thread,
/// one at a time.
class Database {
  public:
    /// Opens or makes the file `path`; a new one gets its format number. A newer format is an
    /// error, not damage.
    static tl::expected<std::unique_ptr<Database>, DatabaseError> open(const std::string& path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Everything, owners before mappings, in key order. False: a record is damaged.
    using OnOwner = std::function<void(const OwnerRecord&)>;
    using OnMapping = std::function<void(const MappingRecord&)>;
    bool read(const OnOwner& on_owner, const OnMapping& on_mapping) const;
    /// How many mappings read() will find, at most.
    size_t count(Relation relation) const;
    /// The greatest clock stored; 0 in a new database.
    uint32_t time() const;

    /// All or nothing, on disk when it returns. `clear`: in place of everything that was there.
    Result<void> write(const Units& units, uint32_t time, bool clear);

  private:
    Database() = default;
    /// The kernel's copy of the file is enough: what has been read counts as our memory no longer.
    void let_pages_go() const;
    tl::expected<void, DatabaseError> start();
    bool whole() const;
    tl::expected<void, DatabaseError> prepare();

    std::string path_;
    MDB_env* env_ = nullptr;
    bool failed_ = false;  ///< the last write
    size_t touched_ = 0;   ///< changes written since let_pages_go()
    std::array<MDB_dbi, kStoreTables.size()> tables_{};
};

/// Reads the file in a child process, where damage that makes LMDB crash does no harm. True if all
/// of it could be read, or there is no such file.
bool database_is_sound(const std::string& path);

}  // namespace ipref::gw

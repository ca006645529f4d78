// SPDX-License-Identifier: GPL-2.0-or-later
// The database file: opening, reading through, writing a group. Layout: store.h.
#pragma once

#include <lmdb.h>

#include <array>
#include <memory>
#include <string>

#include "common/result.h"
#include "gw/mapping/disk.h"
#include "gw/mapping/store_format.h"

namespace ipref::gw {

/// Why a database could not be opened.
struct DatabaseError {
    bool damaged = false;  ///< or not ours: set it aside. Else the text says what stands in the way
    std::string text;
};

/// An open database.
class Database : public Disk {
  public:
    /// Opens or makes the file `path`; a new one gets its format number. A newer format is an
    /// error, not damage.
    static tl::expected<std::unique_ptr<Database>, DatabaseError> open(const std::string& path);
    ~Database() override;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Owners and mappings come in key order.
    bool read(const OnOwner& on_owner, const OnMapping& on_mapping) const override;
    size_t count(Relation relation) const override;
    Seconds time() const override;
    Result<void> write(const Units& units, Seconds time, bool clear) override;

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

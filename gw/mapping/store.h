// SPDX-License-Identifier: GPL-2.0-or-later
// The mappings on disk: LMDB, one file, commits in groups on libuv's thread pool.
//
// File `mapper.lmdb` (and `mapper.lmdb-lock`) in the data directory. Format 1; numbers are
// big-endian, an address is its length (4 or 16) in one byte and its bytes, a string its length
// in two bytes and its bytes:
//   database  key                       value
//   meta      "format"                  u32: 1
//   meta      "time"                    u32: the greatest clock stored, seconds since 1970
//   remote    EA, 4 or 16 bytes         flags u8 (1: resting), owner u32, used u32, serial u64,
//                                       gw address, ref 16 bytes
//   local     gw, 4 or 16 bytes, ref 16 flags u8 (1: resting), owner u32, used u32, serial u64,
//                                       host address
//   owner     u32                       flags u8 (1: expires, 2: has a hash), hash u64,
//                                       confirmed u32, name string
// Every value ends with u32, FNV-1a over its key and what comes before. Times are seconds since
// 1970. The directory is locked (flock) while it is in use. A newer format is refused and left
// untouched. The first write of all, at the first start, takes over what a deployed gateway has
// left in the directory: bolt/import.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "common/run/loop.h"
#include "gw/mapping/change.h"
#include "gw/mapping/committer.h"
#include "gw/mapping/recovery.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// Owned by main; destroyed before the loop and the table. Its thread is the loop's, record()
/// excepted.
class Store : public Journal {
  public:
    /// Opens or makes the database, restores the table from it, and becomes its journal. Sets
    /// `clock` to the stored time if that is later. A database that is damaged or foreign is
    /// renamed and a new one made. Errors: no permission, no space, a newer format, in use by
    /// another process.
    static Result<std::unique_ptr<Store>> open(run::Loop& loop, const std::string& directory,
                                               Table& table, Clock& clock);
    /// Commits what is pending, waiting for it.
    ~Store() override;

    const StoreOpened& opened() const { return opened_; }

    void record(std::vector<Change> changes) override;
    bool congested() const override;

    /// Calls back, on the loop's thread, when everything recorded so far is on disk: at once if it
    /// is already. An error says why not (disk full); changes are kept and tried again.
    using Durable = Committer::Durable;
    void when_durable(Durable callback);
    /// What is wrong with the disk, empty while nothing is: for status.
    std::string problem() const;
    /// Writes that have failed since the start.
    uint64_t failures() const;
    /// Seconds since 1970 of the last write, by an earlier run as well; 0: there was none.
    Seconds written() const;

  private:
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);

    StoreOpened opened_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::gw

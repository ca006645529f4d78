// SPDX-License-Identifier: GPL-2.0-or-later
// The hosts file as an owner of static mappings.
#pragma once

#include <string>

#include "common/run/file_watcher.h"
#include "common/run/loop.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// Owned by main. Reads the file at once, and again whenever it changes; every line that is wrong
/// is logged, the rest replaces the set before. A file that is missing or cannot be read leaves
/// the last good set in force, with a warning.
class HostsFileOwner {
  public:
    /// `table` outlives it. Sets of other hosts files are withdrawn.
    HostsFileOwner(run::Loop& loop, std::string path, Table& table);

    /// Reads it, changed or not.
    void load();

    /// What is wrong with the file, one sentence; empty: nothing.
    const std::string& problem() const { return problem_; }

  private:
    std::string path_;
    Table& table_;
    bool loaded_ = false;
    std::string problem_;
    run::FileWatcher watcher_;
};

}  // namespace ipref::gw

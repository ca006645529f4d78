// SPDX-License-Identifier: GPL-2.0-or-later
// Watches a file by name: edited in place, replaced by rename, reached through symbolic links,
// removed, made later. Used for the gateway's hosts file and for certificates.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/run/loop.h"

namespace ipref::run {

/// Calls back, on the loop's thread, within a second of a change of the file (once for a burst of
/// changes: 100 ms after the last, 500 ms after the first at most). Not called for the state at
/// its making, nor when the file goes away, nor when it comes back as it was. Watches the file,
/// its directory and that of every link on the way, and compares size and times by itself every
/// 400 ms for file systems that tell nothing.
class FileWatcher {
  public:
    using Callback = std::function<void()>;
    FileWatcher(Loop& loop, std::string path, Callback changed);
    ~FileWatcher();
    FileWatcher(const FileWatcher&) = delete;
    FileWatcher& operator=(const FileWatcher&) = delete;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::run

// SPDX-License-Identifier: GPL-2.0-or-later
// A file beside the Corefile that is read again when it changes: hosts, weights.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/run/file_watcher.h"
#include "common/run/loop.h"
#include "resolver/corefile/options.h"

namespace ipref::resolver {

/// Read at once with read_now(); then, while watched, within a second of a change that the system
/// tells of, and whenever `every` is over and the file's time or size is another. Reading and
/// `take` happen on libuv's thread pool; errors are logged. A file that goes away changes nothing.
class ReloadedFile {
  public:
    /// Given the whole text; any thread, one call at a time. Keeps alive what it needs. An error
    /// says what is wrong with the text, and that nothing was taken.
    using Take = std::function<Result<void>(const std::string& text)>;
    /// `every` 0: never read again.
    ReloadedFile(std::string path, Nanoseconds every, Take take);
    ~ReloadedFile();
    ReloadedFile(const ReloadedFile&) = delete;
    ReloadedFile& operator=(const ReloadedFile&) = delete;

    const std::string& path() const;
    /// An error if there is no such file, if it cannot be read, or of Take.
    Result<void> read_now();
    void watch(run::Loop& loop);
    void unwatch();

  private:
    struct State;
    std::shared_ptr<State> state_;  // shared with a read that is under way
    std::unique_ptr<run::Timer> timer_;
    std::unique_ptr<run::FileWatcher> watcher_;
};

}  // namespace ipref::resolver

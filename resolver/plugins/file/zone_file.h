// SPDX-License-Identifier: GPL-2.0-or-later
// A zone file on disk: read at start, looked at again from time to time, taken when its serial has
// changed, or whenever it has changed itself.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/run/file_watcher.h"
#include "common/run/loop.h"
#include "resolver/corefile/options.h"
#include "resolver/plugins/file/zone_text.h"

namespace ipref::resolver {

class ZoneFile : public std::enable_shared_from_this<ZoneFile> {
  public:
    /// `by_mtime`: a file that has changed is taken under the same serial, too.
    ZoneFile(const Name& origin, std::string path, Nanoseconds reload, bool by_mtime = false)
        : origin_(origin), path_(std::move(path)), reload_(reload), by_mtime_(by_mtime) {}

    const Name& origin() const { return origin_; }
    const std::string& path() const { return path_; }

    /// Any thread. Null while the file is missing.
    std::shared_ptr<const Zone> zone() const;
    /// Changes when zone() does.
    uint64_t version() const { return version_.load(std::memory_order_acquire); }

    /// Reads and parses the file, at start. A missing file is a warning if it will be looked for
    /// again, an error otherwise; bad data is an error.
    Result<void> load(std::vector<std::string>& warnings);

    /// Looks at the file every `reload` from now on, and when the system tells of a change;
    /// parsing is done on libuv's thread pool.
    void watch(run::Loop& loop, std::function<void(const Zone&)> changed);
    void unwatch();

  private:
    /// What tells one state of a file from another.
    struct Stamp {
        timespec changed{};
        off_t size = 0;
        ino_t inode = 0;
        bool operator==(const Stamp& other) const;
    };
    struct Job;
    struct Read {
        std::optional<Stamp> stamp;
        Result<ZoneText> text = ZoneText{};
    };
    static std::optional<Stamp> stamp_of(const std::string& path);
    Read read() const;
    void look();
    void took(Read read);
    void set(std::shared_ptr<const Zone> zone);

    Name origin_;
    std::string path_;
    Nanoseconds reload_;
    bool by_mtime_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Zone> zone_;
    std::atomic<uint64_t> version_{1};
    std::optional<Stamp> stamp_;  // of what was last read, good or bad
    bool busy_ = false;
    run::Loop* loop_ = nullptr;
    std::unique_ptr<run::Timer> timer_;
    std::unique_ptr<run::FileWatcher> watcher_;
    std::function<void(const Zone&)> changed_;
};

}  // namespace ipref::resolver

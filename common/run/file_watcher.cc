// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/file_watcher.h"

#include <sys/stat.h>

#include <map>
#include <optional>
#include <utility>

#include "common/run/watch_path.h"

namespace ipref::run {

namespace {

constexpr Milliseconds kQuiet{100};   // after the last change of a burst
constexpr Milliseconds kLatest{500};  // after the first one
constexpr Milliseconds kLook{400};    // for file systems that tell nothing

/// What changes when a file is written or replaced.
struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

std::optional<Stamp> stamp_of(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return std::nullopt;
    return Stamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                 status.st_mtim.tv_nsec};
}

}  // namespace

class FileWatcher::Impl {
  public:
    Impl(Loop& loop, std::string path, Callback changed)
        : loop_(loop),
          path_(std::move(path)),
          changed_(std::move(changed)),
          told_(stamp_of(path_)),
          seen_(told_),
          settle_(loop, [this] { settled(); }),
          look_(loop, [this] { look(); }) {
        watch();
        look_.start(kLook, kLook);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

  private:
    using Handle = OwnedHandle<uv_fs_event_t>;

    /// Keeps the watches that are still right, makes what is missing.
    void watch() {
        std::map<std::string, Handle> kept;
        for (const auto& path : watched_paths(path_)) {
            const auto old = watches_.find(path);
            if (old != watches_.end() && !stale_) {
                kept.emplace(path, std::move(old->second));
                continue;
            }
            Handle handle;
            uv_fs_event_init(loop_.raw(), handle.get());
            handle->data = this;
            // What cannot be watched is looked at: see kLook.
            uv_fs_event_start(
                handle.get(),
                [](uv_fs_event_t* event, const char*, int, int) {
                    static_cast<Impl*>(event->data)->look();
                },
                path.c_str(), 0);
            kept.emplace(path, std::move(handle));
        }
        watches_ = std::move(kept);
        stale_ = false;
    }

    void look() {
        const auto stamp = stamp_of(path_);
        if (stamp == seen_) return;
        // Another file under the same name: watches of the old one's inodes tell nothing more.
        stale_ = stale_ || !stamp || !seen_ || stamp->inode != seen_->inode;
        seen_ = stamp;
        const auto now = loop_.now();
        if (!settle_.active()) latest_ = now + kLatest;
        settle_.start(std::min(kQuiet, std::max(latest_ - now, Milliseconds(0))));
    }

    void settled() {
        watch();
        seen_ = stamp_of(path_);
        if (!seen_ || seen_ == told_) return;
        told_ = seen_;
        changed_();
    }

    Loop& loop_;
    std::string path_;
    Callback changed_;
    std::optional<Stamp> told_;  ///< what the callback, or the maker, knows
    std::optional<Stamp> seen_;
    Milliseconds latest_{};
    bool stale_ = false;
    Timer settle_;
    Timer look_;
    std::map<std::string, Handle> watches_;
};

FileWatcher::FileWatcher(Loop& loop, std::string path, Callback changed)
    : impl_(std::make_unique<Impl>(loop, std::move(path), std::move(changed))) {}

FileWatcher::~FileWatcher() = default;

}  // namespace ipref::run

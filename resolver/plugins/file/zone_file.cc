// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/zone_file.h"

#include <cerrno>
#include <cstring>

#include "common/run/log.h"
#include "resolver/corefile/parser.h"

namespace ipref::resolver {

bool ZoneFile::Stamp::operator==(const Stamp& other) const {
    return changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec &&
           size == other.size && inode == other.inode;
}

std::optional<ZoneFile::Stamp> ZoneFile::stamp_of(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return std::nullopt;
    return Stamp{info.st_mtim, info.st_size, info.st_ino};
}

std::shared_ptr<const Zone> ZoneFile::zone() const {
    const std::lock_guard lock(mutex_);
    return zone_;
}

void ZoneFile::set(std::shared_ptr<const Zone> zone) {
    const std::lock_guard lock(mutex_);
    zone_ = std::move(zone);
    version_.fetch_add(1, std::memory_order_release);
}

ZoneFile::Read ZoneFile::read() const {
    static const auto sources = system_sources();
    Read out;
    out.stamp = stamp_of(path_);
    if (!out.stamp) {
        out.text = fail("open {}: {}", path_, std::strerror(errno));
        return out;
    }
    const auto text = sources.read(path_);
    if (!text) {
        out.text = tl::unexpected(text.error());
        return out;
    }
    out.text = read_zone(*text, path_, origin_, sources.read);
    if (!out.text) {
        out.text = fail("failed to parse file \"{}\" for origin {} with error {}", path_,
                        origin_.str(), out.text.error().text);
    }
    return out;
}

Result<void> ZoneFile::load(std::vector<std::string>& warnings) {
    auto got = read();
    stamp_ = got.stamp;
    if (!got.text) {
        if (got.stamp || reload_ <= Nanoseconds(0)) return tl::unexpected(got.text.error());
        warnings.push_back(fmt::format("{}; looking for it again every {}", got.text.error().text,
                                       duration_text(reload_)));
        return {};
    }
    warnings.insert(warnings.end(), got.text->warnings.begin(), got.text->warnings.end());
    set(std::move(got.text->zone));
    return {};
}

struct ZoneFile::Job {
    uv_work_t work{};
    std::shared_ptr<ZoneFile> file;
    Read read;
};

void ZoneFile::watch(run::Loop& loop, std::function<void(const Zone&)> changed) {
    loop_ = &loop;
    changed_ = std::move(changed);
    if (reload_ <= Nanoseconds(0)) return;
    const auto period = std::chrono::ceil<run::Milliseconds>(reload_);
    timer_ = std::make_unique<run::Timer>(loop, [this] { look(); });
    timer_->start(period, period);
    watcher_ = std::make_unique<run::FileWatcher>(loop, path_, [this] { look(); });
}

void ZoneFile::unwatch() {
    timer_.reset();
    watcher_.reset();
    changed_ = nullptr;
}

void ZoneFile::look() {
    if (busy_) return;
    const auto stamp = stamp_of(path_);
    if (!stamp || (stamp_ && *stamp == *stamp_)) return;
    auto job = std::make_unique<Job>();
    job->file = shared_from_this();
    job->work.data = job.get();
    const auto run = [](uv_work_t* work) {
        auto* self = static_cast<Job*>(work->data);
        self->read = self->file->read();
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job> self(static_cast<Job*>(work->data));
        self->file->took(std::move(self->read));
    };
    if (uv_queue_work(loop_->raw(), &job->work, run, ready) != 0) return;
    busy_ = true;
    static_cast<void>(job.release());  // freed in `ready`
}

void ZoneFile::took(Read got) {
    busy_ = false;
    if (timer_ == nullptr) return;
    stamp_ = got.stamp;
    if (!got.text) {
        run::log_warning("plugin/file: {}; the zone stays as it was", got.text.error().text);
        return;
    }
    const auto before = zone();
    if (!by_mtime_ && before != nullptr && before->serial() == got.text->zone->serial()) {
        run::log_warning(
            "plugin/file: {}: the file has changed, but the serial of zone {} is still {}: not "
            "taken",
            path_, origin_.str(), before->serial());
        return;
    }
    for (const auto& warning : got.text->warnings) run::log_warning("plugin/file: {}", warning);
    set(got.text->zone);
    run::log_info("plugin/file: Successfully reloaded zone \"{}\" in \"{}\" with {} SOA serial",
                  origin_.str(), path_, got.text->zone->serial());
    if (changed_) changed_(*got.text->zone);
}

}  // namespace ipref::resolver

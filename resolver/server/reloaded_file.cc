// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/reloaded_file.h"

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include "common/run/log.h"
#include "resolver/corefile/parser.h"

namespace ipref::resolver {

namespace {

/// What tells one state of a file from another.
struct Stamp {
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    off_t size = 0;
    ino_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

std::optional<Stamp> stamp_of(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return std::nullopt;
    return Stamp{info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

}  // namespace

struct ReloadedFile::State {
    std::string path;
    Nanoseconds every;
    Take take;
    std::optional<Stamp> seen;  // of what was last read; the loop's thread, or set-up
    bool busy = false;          // the loop's thread

    Result<void> read() {
        static const auto sources = system_sources();
        const auto text = sources.read(path);
        if (!text) return tl::unexpected(text.error());
        return take(*text);
    }
};

namespace {

template <typename State>
struct Job {
    uv_work_t work{};
    std::shared_ptr<State> state;
    Result<void> result;
};

/// Reads it in the background if it is another file than the one that was read last.
template <typename State>
void look(const std::shared_ptr<State>& state, run::Loop& loop) {
    if (state->busy) return;
    const auto stamp = stamp_of(state->path);
    if (!stamp || stamp == state->seen) return;
    auto job = std::make_unique<Job<State>>();
    job->state = state;
    job->work.data = job.get();
    const auto run = [](uv_work_t* work) {
        auto* self = static_cast<Job<State>*>(work->data);
        self->result = self->state->read();
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job<State>> self(static_cast<Job<State>*>(work->data));
        self->state->busy = false;
        if (!self->result)
            run::log_warning("{}; what was read before stays", self->result.error().text);
    };
    if (uv_queue_work(loop.raw(), &job->work, run, ready) != 0) return;
    state->busy = true;
    state->seen = stamp;
    static_cast<void>(job.release());  // freed in `ready`
}

}  // namespace

ReloadedFile::ReloadedFile(std::string path, Nanoseconds every, Take take)
    : state_(std::make_shared<State>(State{std::move(path), every, std::move(take), {}})) {}

ReloadedFile::~ReloadedFile() = default;

const std::string& ReloadedFile::path() const {
    return state_->path;
}

Result<void> ReloadedFile::read_now() {
    state_->seen = stamp_of(state_->path);
    return state_->read();
}

void ReloadedFile::watch(run::Loop& loop) {
    if (state_->every <= Nanoseconds(0)) return;
    const auto period = std::chrono::ceil<run::Milliseconds>(state_->every);
    timer_ = std::make_unique<run::Timer>(loop, [this, &loop] { look(state_, loop); });
    timer_->start(period, period);
    watcher_ = std::make_unique<run::FileWatcher>(loop, state_->path,
                                                  [this, &loop] { look(state_, loop); });
}

void ReloadedFile::unwatch() {
    timer_.reset();
    watcher_.reset();
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <utility>

#include "common/run/log.h"
#include "gw/mapping/bolt/import.h"
#include "gw/mapping/lmdb.h"

namespace ipref::gw {

namespace {

constexpr run::Milliseconds kRetry{1000};

/// An open descriptor that is closed.
class Fd {
  public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    ~Fd() {
        if (fd_ >= 0) close(fd_);
    }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

Result<Fd> lock_directory(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        return fail("data directory {}: cannot be made: {}; give another with -data", directory,
                    error.message());
    }
    Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) {
        return fail("data directory {}: {}; give another with -data", directory,
                    std::strerror(errno));
    }
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail("data directory {}: in use by another gateway; stop it or give another -data",
                    directory);
    }
    return fd;
}

/// One piece of work for libuv's thread pool. libuv frees it, after the pool has done it.
struct Work {
    uv_work_t request{};
    std::function<void()> work;
    std::function<void()> ended;  ///< empty: nobody wants to know any more
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;

    void run() {
        work();
        const std::lock_guard lock(mutex);
        done = true;
        changed.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return done; });
    }
};

/// What a database that is written to for the first time begins with: the mappings of the gateway
/// that was here before, or nothing. Written at once, so that this is decided once for all; false
/// if the disk refuses.
Result<bool> begin(const std::string& directory, Table& table, const Clock& clock, Disk& disk,
                   const StoreOpened& opened) {
    Units units;
    if (opened.set_aside.empty()) {
        const auto imported = bolt::import_files(directory, table, clock);
        if (!imported) return tl::unexpected(imported.error());
        if (*imported) units.push_back(table.snapshot());
    }
    return disk.write(units, clock.now(), true).has_value();
}

}  // namespace

class Store::Impl : public Executor {
  public:
    Impl(run::Loop& loop, Table& table, Clock& clock, std::unique_ptr<Database> database, Fd lock,
         const std::string& path)
        : loop_(loop),
          table_(table),
          lock_(std::move(lock)),
          database_(std::move(database)),
          path_(path),
          committer_(table, clock, *database_, *this, {.name = path}),
          wake_(loop, [this] { committer_.commit(); }),
          retry_(loop, [this] { committer_.retry(); }) {
        wake_.keep_alive(false);
    }
    ~Impl() override {
        if (const auto closed = committer_.close(); !closed) {
            run::log_error("STORE {}: the last changes are lost: {}", path_, closed.error().text);
        }
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Committer& committer() { return committer_; }
    const Committer& committer() const { return committer_; }
    Table& table() { return table_; }

    void wake() override { wake_.send(); }
    void retry_later() override { retry_.start(kRetry); }
    void start(std::function<void()> work) override {
        running_ = new Work;
        running_->work = std::move(work);
        running_->ended = [this] {
            running_ = nullptr;
            committer_.ended();
        };
        running_->request.data = running_;
        uv_queue_work(
            loop_.raw(), &running_->request,
            [](uv_work_t* request) { static_cast<Work*>(request->data)->run(); },
            [](uv_work_t* request, int) {
                const std::unique_ptr<Work> over(static_cast<Work*>(request->data));
                if (over->ended) over->ended();
            });
    }
    void wait() override {
        running_->wait();
        running_->ended = nullptr;
    }
    void report(const std::string& problem) override {
        if (problem.empty()) return run::log_info("STORE {}: works again", path_);
        run::log_error("STORE {}; trying again every second", problem);
    }

  private:
    run::Loop& loop_;
    Table& table_;
    Fd lock_;
    std::unique_ptr<Database> database_;
    const std::string path_;
    Work* running_ = nullptr;
    Committer committer_;
    run::Wake wake_;
    run::Timer retry_;
};

Result<std::unique_ptr<Store>> Store::open(run::Loop& loop, const std::string& directory,
                                           Table& table, Clock& clock) {
    auto lock = lock_directory(directory);
    if (!lock) return tl::unexpected(lock.error());
    const std::string path = (std::filesystem::path(directory) / "mapper.lmdb").string();
    StoreOpened opened;
    auto database = open_database(path, opened);
    if (!database) return tl::unexpected(database.error());
    if (!restore(**database, table, clock, opened)) {
        return fail(
            "database {}: could not be read to its end, though it was whole a moment "
            "before; start again, and look after the disk",
            path);
    }
    bool rewrite = opened.dropped > 0;
    if (opened.time == 0) {
        const auto begun = begin(directory, table, clock, **database, opened);
        if (!begun) return tl::unexpected(begun.error());
        rewrite = rewrite || !*begun;
    }
    std::unique_ptr<Store> store(new Store(
        std::make_unique<Impl>(loop, table, clock, std::move(*database), std::move(*lock), path)));
    store->opened_ = opened;
    table.journal(store.get());
    if (rewrite) store->impl_->committer().rewrite();
    return store;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
    impl_->table().journal(nullptr);
}

void Store::record(std::vector<Change> changes) {
    impl_->committer().record(std::move(changes));
}

bool Store::congested() const {
    return impl_->committer().congested();
}

void Store::when_durable(Durable callback) {
    impl_->committer().when_durable(std::move(callback));
}

std::string Store::problem() const {
    return impl_->committer().problem();
}

uint64_t Store::failures() const {
    return impl_->committer().failures();
}

Seconds Store::written() const {
    return std::max(opened_.time, impl_->committer().written());
}

}  // namespace ipref::gw

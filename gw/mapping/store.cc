// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <utility>

#include "common/run/log.h"
#include "gw/mapping/expiry.h"
#include "gw/mapping/lmdb.h"
#include "gw/mapping/rcu.h"

namespace ipref::gw {

namespace {

constexpr run::Milliseconds kRetry{1000};
/// Changes that wait for the disk. With more, packets make no new mappings while it is slow; while
/// it refuses, the next try writes the whole table instead.
constexpr size_t kMostPending = 200'000;

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

/// A path beside `path` that is not taken.
std::string aside_path(const std::string& path) {
    const std::string base = fmt::format("{}.damaged-{}", path, wall_time());
    std::string name = base;
    for (int i = 1; std::filesystem::exists(name); i++) name = fmt::format("{}-{}", base, i);
    return name;
}

}  // namespace

/// Shared with the thread pool: one commit.
struct Commit {
    uv_work_t work{};
    Database* database = nullptr;
    Units units;
    size_t changes = 0;  ///< in all of them
    bool clear = false;
    Seconds time = 0;
    uint64_t upto = 0;  ///< what is on disk when it has succeeded
    Result<void> outcome;
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;
    void* store = nullptr;  ///< nullptr: the store is gone

    void run() {
        Result<void> result = database->write(units, time, clear);
        const std::lock_guard lock(mutex);
        outcome = std::move(result);
        done = true;
        ended.notify_all();
    }
};

class Store::Impl {
  public:
    Impl(run::Loop& loop, Table& table, Clock& clock, std::unique_ptr<Database> database, Fd lock,
         std::string path)
        : loop_(loop),
          table_(table),
          clock_(clock),
          lock_(std::move(lock)),
          database_(std::move(database)),
          path_(std::move(path)),
          wake_(loop, [this] { commit(); }),
          retry_(loop, [this] { commit(); }) {
        wake_.keep_alive(false);
    }
    ~Impl() { close(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void record(std::vector<Change> changes) {
        {
            const std::lock_guard lock(mutex_);
            recorded_++;
            if (!rewrite_) {
                pending_changes_ += changes.size();
                pending_.push_back(std::move(changes));
                if (pending_changes_ > kMostPending && failing_) overflow();
                congested_.store(pending_changes_ > kMostPending, std::memory_order_relaxed);
            }
        }
        wake_.send();
    }

    void when_durable(Durable callback) {
        uint64_t wanted;
        {
            const std::lock_guard lock(mutex_);
            wanted = recorded_;
        }
        if (wanted == committed_) return callback({});
        if (!problem_.empty()) return callback(tl::unexpected(Error{problem_}));
        waiting_.push_back({wanted, std::move(callback)});
        commit();
    }

    void rewrite() {
        {
            const std::lock_guard lock(mutex_);
            recorded_++;
            overflow();
        }
        commit();
    }

    const std::string& problem() const { return problem_; }
    bool congested() const { return congested_.load(std::memory_order_relaxed); }
    Table& table() { return table_; }

  private:
    struct Waiting {
        uint64_t upto;
        Durable callback;
    };

    void overflow() {  // with mutex_ held
        rewrite_ = true;
        pending_.clear();
        pending_changes_ = 0;
    }

    /// What is to be written next; nullptr if there is nothing.
    std::unique_ptr<Commit> next() {
        auto commit = std::make_unique<Commit>();
        {
            const std::lock_guard lock(mutex_);
            if (recorded_ == committed_) return nullptr;
            commit->upto = recorded_;
            commit->units = std::exchange(pending_, {});
            commit->changes = std::exchange(pending_changes_, 0);
            congested_.store(false, std::memory_order_relaxed);
            commit->clear = std::exchange(rewrite_, false);
        }
        // Changes made from here on are pending as well: writing them twice does no harm.
        if (commit->clear) commit->units.assign(1, table_.snapshot());
        commit->time = clock_.now();
        commit->database = database_.get();
        commit->store = this;
        return commit;
    }

    void commit() {
        if (running_ != nullptr || retry_.active()) return;
        auto made = next();
        if (!made) return;
        running_ = made.release();
        running_->work.data = running_;
        uv_queue_work(
            loop_.raw(), &running_->work,
            [](uv_work_t* work) { static_cast<Commit*>(work->data)->run(); },
            [](uv_work_t* work, int) {
                const std::unique_ptr<Commit> commit(static_cast<Commit*>(work->data));
                if (commit->store != nullptr) static_cast<Impl*>(commit->store)->ended(*commit);
            });
    }

    void ended(Commit& commit) {
        running_ = nullptr;
        if (commit.outcome) {
            if (!problem_.empty()) run::log_info("STORE {}: works again", path_);
            problem_.clear();
            committed_ = commit.upto;
            set_failing(false);
            answer({});
            this->commit();
        } else {
            keep(commit);
            const std::string problem = fmt::format("{}: mappings cannot be stored: {}", path_,
                                                    commit.outcome.error().text);
            if (problem != problem_) {
                run::log_error("STORE {}; trying again every second", problem);
            }
            problem_ = problem;
            retry_.start(kRetry);
            answer(tl::unexpected(Error{problem_}));
        }
    }

    /// The changes of a failed commit go in front of those that came after.
    void keep(Commit& commit) {
        const std::lock_guard lock(mutex_);
        failing_ = true;
        if (commit.clear || commit.changes + pending_changes_ > kMostPending) {
            overflow();
        } else if (!rewrite_) {
            pending_.insert(pending_.begin(), std::make_move_iterator(commit.units.begin()),
                            std::make_move_iterator(commit.units.end()));
            pending_changes_ += commit.changes;
        }
    }

    void set_failing(bool failing) {
        const std::lock_guard lock(mutex_);
        failing_ = failing;
    }

    /// Those whose changes are on disk; on an error, all.
    void answer(const Result<void>& outcome) {
        std::deque<Waiting> ready;
        while (!waiting_.empty() && (!outcome || waiting_.front().upto <= committed_)) {
            ready.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        for (auto& one : ready) one.callback(outcome);
    }

    void close() {
        if (running_ != nullptr) {
            std::unique_lock lock(running_->mutex);
            running_->ended.wait(lock, [&] { return running_->done; });
            running_->store = nullptr;  // libuv frees it
            if (running_->outcome) {
                committed_ = running_->upto;
            } else {
                keep(*running_);
            }
        }
        const auto last = next();
        if (!last) return;
        last->run();
        if (!last->outcome) {
            run::log_error("STORE {}: the last changes are lost: {}", path_,
                           last->outcome.error().text);
        }
    }

    run::Loop& loop_;
    Table& table_;
    Clock& clock_;
    Fd lock_;
    std::unique_ptr<Database> database_;
    std::string path_;
    run::Wake wake_;
    run::Timer retry_;
    Commit* running_ = nullptr;
    uint64_t committed_ = 0;
    std::deque<Waiting> waiting_;
    std::string problem_;

    std::mutex mutex_;  ///< of what record() shares with the loop
    Units pending_;
    size_t pending_changes_ = 0;  ///< in all of them
    uint64_t recorded_ = 0;
    bool rewrite_ = false;
    bool failing_ = false;
    std::atomic<bool> congested_ = false;
};

namespace {

Result<std::unique_ptr<Database>> open_database(const std::string& path, StoreOpened& opened) {
    std::string why = "its pages or records are damaged";
    if (database_is_sound(path)) {
        auto database = Database::open(path);
        if (database) return std::move(*database);
        if (!database.error().damaged) {
            return fail("database {}: {}; -data must name a folder that this user may write to",
                        path, database.error().text);
        }
        why = database.error().text;
    }
    opened.set_aside = aside_path(path);
    if (rename(path.c_str(), opened.set_aside.c_str()) != 0) {
        return fail("database {}: damaged ({}), and cannot be renamed: {}", path, why,
                    std::strerror(errno));
    }
    unlink((path + "-lock").c_str());
    run::log_error("STORE database {} is damaged ({}): set aside as {}, starting empty", path, why,
                   opened.set_aside);
    auto made = Database::open(path);
    if (!made) return fail("database {}: cannot be made: {}", path, made.error().text);
    return std::move(*made);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(run::Loop& loop, const std::string& directory,
                                           Table& table, Clock& clock) {
    auto lock = lock_directory(directory);
    if (!lock) return tl::unexpected(lock.error());
    const std::string path = (std::filesystem::path(directory) / "mapper.lmdb").string();
    StoreOpened opened;
    auto database = open_database(path, opened);
    if (!database) return tl::unexpected(database.error());

    opened.time = (*database)->time();
    clock.set(opened.time);
    table.reserve((*database)->count(Relation::remote), (*database)->count(Relation::local));
    {
        const RcuOnline online;  // once, instead of for each
        (*database)->read([&](const auto& owner) { table.restore(owner); },
                          [&](const auto& mapping) {
                              table.restore(mapping) ? opened.mappings++ : opened.dropped++;
                          });
    }
    std::unique_ptr<Store> store(new Store(
        std::make_unique<Impl>(loop, table, clock, std::move(*database), std::move(*lock), path)));
    store->opened_ = opened;
    table.journal(store.get());
    if (opened.dropped > 0) store->impl_->rewrite();
    return store;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
    impl_->table().journal(nullptr);
}

void Store::record(std::vector<Change> changes) {
    impl_->record(std::move(changes));
}

bool Store::congested() const {
    return impl_->congested();
}

void Store::when_durable(Durable callback) {
    impl_->when_durable(std::move(callback));
}

std::string Store::problem() const {
    return impl_->problem();
}

}  // namespace ipref::gw

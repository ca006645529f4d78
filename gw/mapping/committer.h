// SPDX-License-Identifier: GPL-2.0-or-later
// Group commits: which changes go to the disk together, who waits for them, and what happens if
// the disk refuses. Decides only: writing, threads and timers are its Disk's and Executor's.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/result.h"
#include "gw/mapping/change.h"
#include "gw/mapping/disk.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// What the committer needs of the world besides a disk. Only wake() comes from other threads than
/// the committer's.
class Executor {
  public:
    virtual ~Executor() = default;
    /// Committer::commit() is wanted, soon.
    virtual void wake() = 0;
    /// Committer::retry() is wanted, in a second.
    virtual void retry_later() = 0;
    /// Does `work` elsewhere, then calls Committer::ended(); not from within this call.
    virtual void start(std::function<void()> work) = 0;
    /// Returns when what was started has been done; ended() is not called for it any more.
    virtual void wait() = 0;
    /// For the log: what is wrong with the disk, once for each cause; empty: it works again.
    virtual void report(const std::string& problem) = 0;
};

struct CommitterOptions {
    std::string name;  ///< of the disk, for problems
    /// Changes that wait for the disk. With more, packets make no new mappings while it is slow;
    /// while it refuses, the next try writes the whole table instead.
    size_t most_pending = 200'000;
};

/// Its thread is one; record() and congested() are for any. Table, clock, disk and executor outlive
/// it.
class Committer {
  public:
    Committer(const Table& table, const Clock& clock, Disk& disk, Executor& executor,
              CommitterOptions options);
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    /// As Journal's; with the table's writer lock held.
    void record(std::vector<Change> changes);
    bool congested() const { return congested_.load(std::memory_order_relaxed); }

    /// See Store::when_durable.
    using Durable = std::function<void(const Result<void>&)>;
    void when_durable(Durable callback);
    /// Writes the whole table in place of what is on the disk.
    void rewrite();
    /// What is wrong with the disk, empty while nothing is.
    const std::string& problem() const { return problem_; }
    /// Writes that failed, and when the last one succeeded, by the clock; 0: none has.
    uint64_t failures() const { return failures_; }
    Seconds written() const { return written_; }

    /// For the executor.
    void commit();
    void retry();
    void ended();

    /// Commits what is pending, waiting for it; nothing else is called afterwards. Nobody is
    /// answered any more. An error: the last changes are lost.
    Result<void> close();

  private:
    /// One group on its way to the disk.
    struct Commit {
        Units units;
        size_t changes = 0;  ///< in all of them
        bool clear = false;
        Seconds time = 0;
        uint64_t upto = 0;  ///< what is on disk when it has succeeded
        Result<void> outcome;
    };
    struct Waiting {
        uint64_t upto;
        Durable callback;
    };

    bool take_next();
    void write();
    void keep();
    void overflow();
    void set_failing(bool failing);
    void answer(const Result<void>& outcome);

    const Table& table_;
    const Clock& clock_;
    Disk& disk_;
    Executor& executor_;
    const CommitterOptions options_;
    Commit commit_;         ///< while running_, of the thread that writes it
    bool running_ = false;  ///< a commit is on its way
    bool pausing_ = false;  ///< until retry()
    uint64_t committed_ = 0;
    std::deque<Waiting> waiting_;
    std::string problem_;
    uint64_t failures_ = 0;
    Seconds written_ = 0;

    std::mutex mutex_;  ///< of what record() shares with the committer's thread
    Units pending_;
    size_t pending_changes_ = 0;  ///< in all of them
    uint64_t recorded_ = 0;
    bool rewrite_ = false;
    bool failing_ = false;
    std::atomic<bool> congested_ = false;
};

}  // namespace ipref::gw

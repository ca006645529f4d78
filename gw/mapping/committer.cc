// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/committer.h"

#include <iterator>
#include <utility>

namespace ipref::gw {

Committer::Committer(const Table& table, const Clock& clock, Disk& disk, Executor& executor,
                     CommitterOptions options)
    : table_(table),
      clock_(clock),
      disk_(disk),
      executor_(executor),
      options_(std::move(options)) {}

void Committer::record(std::vector<Change> changes) {
    {
        const std::lock_guard lock(mutex_);
        recorded_++;
        if (!rewrite_) {
            pending_changes_ += changes.size();
            pending_.push_back(std::move(changes));
            const bool many = pending_changes_ > options_.most_pending;
            if (many && failing_) overflow();
            congested_.store(many, std::memory_order_relaxed);
        }
    }
    executor_.wake();
}

void Committer::when_durable(Durable callback) {
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

void Committer::rewrite() {
    {
        const std::lock_guard lock(mutex_);
        recorded_++;
        overflow();
    }
    commit();
}

// With mutex_ held.
void Committer::overflow() {
    rewrite_ = true;
    pending_.clear();
    pending_changes_ = 0;
}

/// What is to be written next into commit_; false if there is nothing.
bool Committer::take_next() {
    commit_ = {};
    {
        const std::lock_guard lock(mutex_);
        if (recorded_ == committed_) return false;
        commit_.upto = recorded_;
        commit_.units = std::exchange(pending_, {});
        commit_.changes = std::exchange(pending_changes_, 0);
        congested_.store(false, std::memory_order_relaxed);
        commit_.clear = std::exchange(rewrite_, false);
    }
    // Changes made from here on are pending as well: writing them twice does no harm.
    if (commit_.clear) commit_.units.assign(1, table_.snapshot());
    commit_.time = clock_.now();
    return true;
}

void Committer::write() {
    commit_.outcome = disk_.write(commit_.units, commit_.time, commit_.clear);
}

void Committer::commit() {
    if (running_ || pausing_ || !take_next()) return;
    running_ = true;
    executor_.start([this] { write(); });
}

void Committer::retry() {
    pausing_ = false;
    commit();
}

void Committer::ended() {
    running_ = false;
    if (commit_.outcome) {
        if (!problem_.empty()) executor_.report("");
        problem_.clear();
        committed_ = commit_.upto;
        written_ = commit_.time;
        set_failing(false);
        answer({});
        return commit();
    }
    failures_++;
    keep();
    std::string problem = fmt::format("{}: mappings cannot be stored: {}", options_.name,
                                      commit_.outcome.error().text);
    if (problem != problem_) executor_.report(problem);
    problem_ = std::move(problem);
    pausing_ = true;
    executor_.retry_later();
    answer(tl::unexpected(Error{problem_}));
}

/// The changes of a failed commit go in front of those that came after.
void Committer::keep() {
    const std::lock_guard lock(mutex_);
    failing_ = true;
    if (commit_.clear || commit_.changes + pending_changes_ > options_.most_pending) {
        overflow();
    } else if (!rewrite_) {
        pending_.insert(pending_.begin(), std::make_move_iterator(commit_.units.begin()),
                        std::make_move_iterator(commit_.units.end()));
        pending_changes_ += commit_.changes;
    }
}

void Committer::set_failing(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
}

/// Those whose changes are on disk; on an error, all.
void Committer::answer(const Result<void>& outcome) {
    std::deque<Waiting> ready;
    while (!waiting_.empty() && (!outcome || waiting_.front().upto <= committed_)) {
        ready.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    for (auto& one : ready) one.callback(outcome);
}

Result<void> Committer::close() {
    waiting_.clear();
    if (running_) {
        executor_.wait();
        if (commit_.outcome) {
            committed_ = commit_.upto;
        } else {
            keep();
        }
    }
    running_ = true;  // nothing else is started
    if (!take_next()) return {};
    write();
    return std::move(commit_.outcome);
}

}  // namespace ipref::gw

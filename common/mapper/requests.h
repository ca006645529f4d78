// SPDX-License-Identifier: GPL-2.0-or-later
// The requests a client has in flight: who waits for which id, until when. No I/O, no clock: the
// time is given. Callbacks may add requests; the tables are consistent whenever one is called.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "common/mapper/dialect.h"
#include "common/run/loop.h"

namespace ipref::mapper {

using run::Milliseconds;

class Requests {
  public:
    using ListCallback = std::function<void(std::vector<Answer>)>;
    using DoneCallback = std::function<void(DoneOrFailure)>;

    /// The answers to one call; filled by one or more records.
    struct Batch {
        std::vector<net::IpRef> asked;
        std::vector<Answer> answers;
        size_t open = 0;  ///< answers that are still missing
        ListCallback callback;
    };
    struct Job {
        Shipment shipment;
        size_t unanswered = 0;  ///< records sent and not answered
        Milliseconds deadline{};
        Milliseconds timeout{};
        std::vector<uint64_t> ids;
        Done done;
        DoneCallback callback;
    };

    /// A free id of 1 to `largest`, in turn; few are in use compared with `largest`.
    uint64_t new_id(uint64_t largest);

    /// A record with this id asks for `count` answers of the batch, from `first` on.
    void add(uint64_t id, std::shared_ptr<Batch> batch, size_t first, size_t count,
             Milliseconds deadline);
    size_t queries() const { return queries_; }

    std::shared_ptr<Job> add(Shipment shipment, Milliseconds now, Milliseconds timeout,
                             DoneCallback callback);
    /// A record of the job goes out with this id.
    void sent(const std::shared_ptr<Job>& job, uint64_t id, Milliseconds now);
    /// The first job that has not been sent as a whole; nullptr if there is none.
    std::shared_ptr<Job> unsent() const;
    size_t jobs() const { return jobs_.size(); }

    /// Matches a reply to its request; replies that nobody waits for are left out.
    void reply(Reply reply, Milliseconds now);
    void finish(const std::shared_ptr<Job>& job, DoneOrFailure result);
    /// Fails what is due.
    void expire(Milliseconds now);
    /// Fails everything.
    void fail_all(const Failure& failure);
    /// When expire() is to be called next.
    std::optional<Milliseconds> next_deadline() const;

  private:
    struct Waiting {  ///< for answers, or for a job
        std::shared_ptr<Batch> batch;
        size_t first = 0;
        size_t count = 0;
        Milliseconds deadline{};
        std::shared_ptr<Job> job;
    };

    void answer(const Waiting& waiting, std::vector<Answer> answers);
    void advance(const std::shared_ptr<Job>& job, Reply reply, Milliseconds now);
    std::optional<Waiting> take(uint64_t id);
    void postpone_queued(Milliseconds now);

    uint64_t last_id_ = 0;
    size_t queries_ = 0;
    std::unordered_map<uint64_t, Waiting> waiting_;
    std::set<std::pair<Milliseconds, uint64_t>> deadlines_;  ///< of queries
    std::deque<std::shared_ptr<Job>> jobs_;                  ///< in the order of their requests
};

}  // namespace ipref::mapper

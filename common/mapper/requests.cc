// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/mapper/requests.h"

#include <algorithm>
#include <cassert>

namespace ipref::mapper {

namespace {

constexpr size_t kReasonsKept = 10;

Failure mismatch(std::string text) {
    return {Reason::bad_answer, std::move(text)};
}

/// What a reply says to a request for `count` answers.
std::vector<Answer> answers_in(Reply reply, const net::IpRef& first_asked, size_t count) {
    if (const auto* failure = std::get_if<Failure>(&reply.what)) {
        return {count, tl::unexpected(*failure)};
    }
    auto* answers = std::get_if<std::vector<Answer>>(&reply.what);
    if (answers == nullptr || answers->size() != count ||
        (reply.about && *reply.about != first_asked)) {
        return {count, tl::unexpected(mismatch("the answer does not fit the request"))};
    }
    return std::move(*answers);
}

}  // namespace

uint64_t Requests::new_id(uint64_t largest) {
    assert(waiting_.size() < largest);
    do {
        last_id_ = last_id_ >= largest ? 1 : last_id_ + 1;
    } while (waiting_.count(last_id_) != 0);
    return last_id_;
}

void Requests::add(uint64_t id, std::shared_ptr<Batch> batch, size_t first, size_t count,
                   Milliseconds deadline) {
    queries_ += count;
    deadlines_.emplace(deadline, id);
    waiting_[id] = Waiting{std::move(batch), first, count, deadline, nullptr};
}

std::shared_ptr<Requests::Job> Requests::add(Shipment shipment, Milliseconds now,
                                             Milliseconds timeout, DoneCallback callback) {
    auto job = std::make_shared<Job>();
    job->shipment = std::move(shipment);
    job->deadline = now + timeout;
    job->timeout = timeout;
    job->callback = std::move(callback);
    jobs_.push_back(job);
    return job;
}

void Requests::sent(const std::shared_ptr<Job>& job, uint64_t id, Milliseconds now) {
    job->deadline = now + job->timeout;
    postpone_queued(now);
    if (waiting_.count(id) != 0) return;  // one more record under the same id
    job->unanswered++;
    job->ids.push_back(id);
    waiting_[id] = Waiting{nullptr, 0, 0, {}, job};
}

/// The time of jobs that wait behind one that moves has not begun yet.
void Requests::postpone_queued(Milliseconds now) {
    for (const auto& job : jobs_) {
        if (job->ids.empty() && !job->shipment.all_sent) job->deadline = now + job->timeout;
    }
}

std::shared_ptr<Requests::Job> Requests::unsent() const {
    for (const auto& job : jobs_) {
        if (!job->shipment.all_sent) return job;
    }
    return nullptr;
}

std::optional<Requests::Waiting> Requests::take(uint64_t id) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return std::nullopt;
    auto waiting = std::move(found->second);
    waiting_.erase(found);
    if (waiting.batch) {
        deadlines_.erase({waiting.deadline, id});
        queries_ -= waiting.count;
    }
    return waiting;
}

void Requests::reply(Reply reply, Milliseconds now) {
    const auto waiting = take(reply.id);
    if (!waiting) return;
    if (waiting->job) return advance(waiting->job, std::move(reply), now);
    const auto& asked = waiting->batch->asked[waiting->first];
    answer(*waiting, answers_in(std::move(reply), asked, waiting->count));
}

void Requests::answer(const Waiting& waiting, std::vector<Answer> answers) {
    auto& batch = *waiting.batch;
    std::move(answers.begin(), answers.end(),
              batch.answers.begin() + static_cast<ptrdiff_t>(waiting.first));
    batch.open -= waiting.count;
    if (batch.open == 0) batch.callback(std::move(batch.answers));
}

void Requests::advance(const std::shared_ptr<Job>& job, Reply reply, Milliseconds now) {
    if (auto* failure = std::get_if<Failure>(&reply.what)) {
        return finish(job, tl::unexpected(std::move(*failure)));
    }
    auto* done = std::get_if<Done>(&reply.what);
    if (done == nullptr) {
        return finish(job, tl::unexpected(mismatch("the answer does not fit the request")));
    }
    job->deadline = now + job->timeout;
    postpone_queued(now);
    job->unanswered--;
    std::erase(job->ids, reply.id);
    job->done.rejected += done->rejected;
    for (auto& reason : done->reasons) {
        if (job->done.reasons.size() < kReasonsKept) job->done.reasons.push_back(std::move(reason));
    }
    if (job->shipment.all_sent && job->unanswered == 0) {
        auto all = std::move(job->done);
        finish(job, std::move(all));
    }
}

void Requests::finish(const std::shared_ptr<Job>& job, DoneOrFailure result) {
    for (const auto id : job->ids) waiting_.erase(id);
    std::erase(jobs_, job);
    job->callback(std::move(result));
}

void Requests::expire(Milliseconds now) {
    const auto failure = Failure{Reason::timed_out, "the gateway does not answer in time"};
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const auto waiting = take(deadlines_.begin()->second);
        answer(*waiting, std::vector<Answer>(waiting->count, tl::unexpected(failure)));
    }
    const auto jobs = jobs_;  // callbacks change the table
    for (const auto& job : jobs) {
        const bool there = std::find(jobs_.begin(), jobs_.end(), job) != jobs_.end();
        if (there && job->deadline <= now) finish(job, tl::unexpected(failure));
    }
}

void Requests::fail_all(const Failure& failure) {
    auto waiting = std::move(waiting_);
    auto jobs = std::move(jobs_);
    waiting_.clear();
    jobs_.clear();
    deadlines_.clear();
    queries_ = 0;
    for (const auto& [id, one] : waiting) {
        if (one.job) continue;
        answer(one, std::vector<Answer>(one.count, tl::unexpected(failure)));
    }
    for (const auto& job : jobs) job->callback(tl::unexpected(failure));
}

std::optional<Milliseconds> Requests::next_deadline() const {
    std::optional<Milliseconds> next;
    if (!deadlines_.empty()) next = deadlines_.begin()->first;
    for (const auto& job : jobs_) {
        if (!next || job->deadline < *next) next = job->deadline;
    }
    return next;
}

}  // namespace ipref::mapper

// SPDX-License-Identifier: GPL-2.0-or-later
// A query that is not answered in time gets SERVFAIL. All wait equally long, so those that wait
// stand in a queue and one timer a worker is enough.
#include <deque>

#include "common/run/loop.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using Time = std::chrono::steady_clock::time_point;

class Waiting {
  public:
    Waiting(Worker& worker, Nanoseconds patience)
        : worker_(worker), patience_(patience), timer_(worker.loop(), [this] { look(); }) {}

    /// Gives the number to take it out with.
    uint64_t add(Query& q) {
        queue_.push_back({&q, worker_.now() + patience_});
        if (!timer_.active()) start();
        return first_ + queue_.size() - 1;
    }
    void remove(uint64_t number) {
        if (number < first_) return;
        queue_[number - first_].query = nullptr;
        drop_empty();
    }

  private:
    struct Entry {
        Query* query;
        Time until;
    };

    void drop_empty() {
        while (!queue_.empty() && queue_.front().query == nullptr) {
            queue_.pop_front();
            first_++;
        }
    }
    void start() {
        using std::chrono::ceil;
        const auto left = ceil<run::Milliseconds>(queue_.front().until - worker_.now());
        timer_.start(std::max(left, run::Milliseconds(0)));
    }
    void look() {
        const auto now = worker_.now();
        drop_empty();
        while (!queue_.empty() && queue_.front().until <= now) {
            auto* const query = std::exchange(queue_.front().query, nullptr);
            drop_empty();
            query->give_up(dns::rcode::kServFail);
        }
        if (!queue_.empty()) start();
    }

    Worker& worker_;
    Nanoseconds patience_;
    std::deque<Entry> queue_;
    uint64_t first_ = 1;  // number of the front
    run::Timer timer_;
};

class Cancel final : public Handler {
  public:
    explicit Cancel(Nanoseconds patience) : patience_(patience) {}
    std::string_view name() const override { return "cancel"; }

    Result<void> start(Worker& worker) override {
        waiting_.make(worker, worker, patience_);
        return {};
    }
    void stop(Worker& worker) override { waiting_.drop(worker); }

    Step handle(Query& q) override {
        if (q.depth() > 0) return Step::next;
        q.state<uint64_t>(*this) = waiting_[q.worker()].add(q);
        return Step::watch;
    }
    Step answered(Query& q) override {
        if (waiting_.has(q.worker())) waiting_[q.worker()].remove(q.state<uint64_t>(*this));
        return Step::done;
    }

  private:
    Nanoseconds patience_;
    PerWorker<Waiting> waiting_;
};

}  // namespace

Result<void> setup_cancel(Setup& setup) {
    auto& d = setup.tokens();
    Nanoseconds patience = std::chrono::milliseconds(5001);
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (words.size() > 1) return d.arg_err();
        if (!words.empty()) {
            const auto value = parse_duration(words.front());
            if (!value) return d.err(value.error().text);
            if (*value <= Nanoseconds(0)) return d.err("the time must be more than 0");
            patience = *value;
        }
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    setup.add(std::make_unique<Cancel>(patience));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin erratic: answers badly on purpose, to test clients with.
#include <atomic>
#include <charconv>
#include <unordered_set>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct Options {
    uint32_t drop = 2;  // every so many queries; 0: never
    uint32_t delay = 0;
    Nanoseconds delay_time = std::chrono::milliseconds(100);
    uint32_t truncate = 0;
    bool large = false;
};

constexpr size_t kLarge = 30;  // records in an answer with `large`

class Erratic final : public Handler {
  public:
    explicit Erratic(const Options& options) : options_(options) {}
    std::string_view name() const override { return "erratic"; }

    Result<void> start(Worker& worker) override {
        held_.make(worker);
        return {};
    }
    void stop(Worker& worker) override {
        const auto held = std::move(held_[worker]);
        held_.drop(worker);
        for (auto* q : held) q->fail(dns::rcode::kServFail);
    }

    Step handle(Query& q) override {
        const uint64_t number = asked_.fetch_add(1, std::memory_order_relaxed);
        const bool drop = options_.drop != 0 && number % options_.drop == 0;
        const bool delay = options_.delay != 0 && number % options_.delay == 0;
        if (drop) return q.dropped();
        if (!answer(q, number)) {
            return delay ? later(q, false) : q.failed(dns::rcode::kServFail);
        }
        return delay ? later(q, true) : Step::done;
    }

  private:
    struct Waiting {
        std::unique_ptr<run::Timer> timer;  // gone with the query
    };

    /// False: a type that it has no data for.
    bool answer(Query& q, uint64_t number) const {
        static const auto v4 = *net::Ip::parse("192.0.2.53");
        static const auto v6 = *net::Ip::parse("2001:db8::53");
        const uint16_t type = q.request.type;
        if (type != dns::rr::kA && type != dns::rr::kAaaa) return false;
        q.reply.aa = true;
        // As CoreDNS has it: the numbers whose bits have none in common with the amount.
        q.reply.tc = options_.truncate != 0 && (number & options_.truncate) == 0;
        const auto& ip = type == dns::rr::kA ? v4 : v6;
        const size_t count = options_.large ? kLarge : 1;
        for (size_t i = 0; i < count; i++) {
            q.add_address(q.reply.answer, q.asked_name(), 0, ip);
        }
        return true;
    }

    Step later(Query& q, bool answered) {
        held_[q.worker()].insert(&q);
        auto& waiting = q.state<Waiting>(*this);
        waiting.timer = std::make_unique<run::Timer>(q.worker().loop(), [this, &q, answered] {
            // Not from here: the timer goes with the query.
            q.defer([this, &q, answered] {
                held_[q.worker()].erase(&q);
                answered ? q.finish() : q.fail(dns::rcode::kServFail);
            });
        });
        waiting.timer->start(std::chrono::ceil<run::Milliseconds>(options_.delay_time));
        return Step::later;
    }

    Options options_;
    std::atomic<uint64_t> asked_{0};
    PerWorker<std::unordered_set<Query*>> held_;
};

/// An amount that may be left out.
Result<void> take_amount(Dispenser& d, uint32_t& to) {
    to = 2;
    if (!d.next_arg()) return {};
    const auto& text = d.val();
    const auto end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, to);
    if (error != std::errc() || at != end) {
        return d.err(fmt::format("illegal amount value given \"{}\"; a number is expected", text));
    }
    return {};
}

Result<void> take_delay(Dispenser& d, Options& options) {
    if (auto taken = take_amount(d, options.delay); !taken) return taken;
    if (!d.next_arg()) return {};
    const auto time = parse_duration(d.val());
    if (!time) return d.err(time.error().text);
    constexpr auto kMost = std::chrono::minutes(1);
    if (*time < Nanoseconds(0) || *time > kMost) {
        return d.err(fmt::format("a delay of {}; it must be between 0 and 1m", d.val()));
    }
    options.delay_time = *time;
    return {};
}

}  // namespace

Result<void> setup_erratic(Setup& setup) {
    auto& d = setup.tokens();
    Options options;
    while (d.next()) {
        if (d.next_arg()) return d.arg_err();
        OptionTable table;
        table.custom({"drop", "[AMOUNT]", "2", "Every AMOUNTth query gets no answer. 0: none.",
                      [&](Dispenser& in) { return take_amount(in, options.drop); }});
        table.custom({"delay", "[AMOUNT [DURATION]]", "2 100ms",
                      "Every AMOUNTth answer comes so much later.",
                      [&](Dispenser& in) { return take_delay(in, options); }});
        table.custom({"truncate", "[AMOUNT]", "2",
                      "Answers are marked as truncated: those whose number has no bit in common "
                      "with AMOUNT.",
                      [&](Dispenser& in) { return take_amount(in, options.truncate); }});
        table.flag("large", options.large, "Answers have 30 records.");
        if (auto read = table.read_block(d); !read) return read;
    }
    setup.add(std::make_unique<Erratic>(options));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// One line an error of another plugin; errors of a kind may be counted and told once in a while.
#include <re2/re2.h>

#include <chrono>

#include "common/dns/types.h"
#include "common/run/log.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using run::Severity;

struct Pattern {
    std::shared_ptr<const RE2> expression;
    Nanoseconds period{0};
    Severity severity = Severity::error;
};

/// How often each pattern was met on one worker since its timer began.
struct Counter {
    Counter(run::Loop& loop, const Pattern& pattern)
        : timer(loop, [this, &pattern] {
              run::log_line(
                  pattern.severity,
                  fmt::format("plugin/errors: {} errors like '{}' occurred in last {}", count,
                              pattern.expression->pattern(), duration_text(pattern.period)));
              count = 0;
          }) {}
    uint64_t count = 0;
    run::Timer timer;
};

constexpr unsigned kLinesASecond = 100;  // of a worker: a flood must not fill the disk

struct Counters {
    std::vector<std::unique_ptr<Counter>> patterns;
    run::LogLimit lines{kLinesASecond, std::chrono::seconds(1)};
};

class Errors final : public Handler {
  public:
    explicit Errors(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {}
    std::string_view name() const override { return "errors"; }
    Interest interest() const override { return {.all = true}; }

    Result<void> start(Worker& worker) override {
        auto& counters = counters_.make(worker);
        for (const auto& pattern : patterns_) {
            counters.patterns.push_back(std::make_unique<Counter>(worker.loop(), pattern));
        }
        return {};
    }
    void stop(Worker& worker) override { counters_.drop(worker); }

    Step handle(Query&) override { return Step::watch; }

    Step answered(Query& q) override {
        const bool failed = q.outcome() == Query::Outcome::failed && !q.error().empty();
        if (failed && !counted(q)) tell(q);
        return Step::done;
    }

  private:
    void tell(Query& q) {
        uint64_t left_out = 0;
        if (!counters_[q.worker()].lines.allow(std::chrono::steady_clock::now(), left_out)) return;
        if (left_out > 0) run::log_error("plugin/errors: {} more errors before", left_out);
        run::log_error("plugin/errors: {} {} {}: {}", q.reply.rcode, q.request.lower.str(),
                       dns::type_text(q.request.type), q.error());
    }

    bool counted(Query& q) {
        auto& counters = counters_[q.worker()].patterns;
        for (size_t i = 0; i < patterns_.size(); i++) {
            if (!RE2::PartialMatch(q.error(), *patterns_[i].expression)) continue;
            if (counters[i]->count++ == 0) {
                using std::chrono::ceil;
                counters[i]->timer.start(ceil<run::Milliseconds>(patterns_[i].period));
            }
            return true;
        }
        return false;
    }

    std::vector<Pattern> patterns_;
    PerWorker<Counters> counters_;
};

Result<Severity> severity_of(Dispenser& d) {
    if (d.val() == "warning") return Severity::warning;
    if (d.val() == "error") return Severity::error;
    if (d.val() == "info") return Severity::info;
    if (d.val() == "debug") return Severity::debug;
    return d.err(
        fmt::format("unknown log level \"{}\" in consolidate; there are warning, error, "
                    "info and debug",
                    d.val()));
}

Result<Pattern> pattern_from(Dispenser& d) {
    Pattern out;
    if (!d.next_arg()) return d.arg_err();
    const auto period = parse_duration(d.val());
    if (!period) return d.err(period.error().text);
    if (*period <= Nanoseconds(0)) return d.err("the time of consolidate must be more than 0");
    out.period = *period;
    if (!d.next_arg()) return d.arg_err();
    out.expression = std::make_shared<RE2>(d.val(), RE2::Quiet);
    if (!out.expression->ok()) {
        return d.err(fmt::format("error parsing regexp: {}: `{}`", out.expression->error(),
                                 out.expression->error_arg()));
    }
    if (!d.next_arg()) return out;
    const auto severity = severity_of(d);
    if (!severity) return tl::unexpected(severity.error());
    out.severity = *severity;
    return out;
}

}  // namespace

Result<void> setup_errors(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Pattern> patterns;
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        if (d.next_arg()) {
            if (d.val() != "stdout") {
                return d.err(
                    fmt::format("invalid log file: {}; errors go to standard output", d.val()));
            }
            if (d.next_arg()) return d.arg_err();
        }
        OptionTable options;
        options.ignored("stacktrace", "Accepted; there are no stack traces to log.");
        options.custom({"consolidate", "DURATION REGEXP [warning|error|info|debug]", "",
                        "Errors that match are counted, and told once in this time.",
                        [&](Dispenser& in) -> Result<void> {
                            auto pattern = pattern_from(in);
                            if (!pattern) return tl::unexpected(pattern.error());
                            patterns.push_back(std::move(*pattern));
                            return {};
                        }});
        if (auto read = options.read_block(d); !read) return read;
    }
    setup.add(std::make_unique<Errors>(std::move(patterns)));
    return {};
}

}  // namespace ipref::resolver

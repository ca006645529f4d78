// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers about the running program, in the Prometheus text format (version 0.0.4).
// Names: prefix of the program, base units, `_total` on counters, no unbounded labels.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ipref::run {

/// Any number of threads may add; an increment is one uncontended atomic instruction.
class Counter {
  public:
    void add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_ = 0;
};

/// One thread adds, any may read: for the data path, where each worker has its own and a reader
/// sums them. An increment is a plain load and store.
class WorkerCounter {
  public:
    void add(uint64_t count = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_ = 0;
};

class Gauge {
  public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_ = 0;
};

/// Counts observations in buckets with fixed upper bounds; any number of threads may observe.
class Histogram {
  public:
    /// `bounds`: ascending, at least one, without +Inf.
    explicit Histogram(std::vector<double> bounds);
    void observe(double value);

    const std::vector<double>& bounds() const { return bounds_; }
    /// Observations at or below bounds()[index]; with index == bounds().size(): all of them.
    uint64_t cumulative(size_t index) const;
    double sum() const { return sum_.load(std::memory_order_relaxed); }

  private:
    std::vector<double> bounds_;
    std::vector<std::atomic<uint64_t>> counts_;  // one more than bounds: above the last
    std::atomic<double> sum_ = 0;
};

/// Bounds in seconds that suit requests over a network: 0.25 ms to about 8 s, doubling.
std::vector<double> request_seconds();

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Metrics whose owner writes them by itself: many of one kind, counted by each thread apart.
class Collector {
  public:
    virtual ~Collector() = default;
    /// Whole families in the exposition format; called with the registry locked, on any thread.
    virtual void write(std::string& out) const = 0;
};

/// Text of the exposition format, for collectors: `side="tun",x="y"`.
std::string label_text(const Labels& labels);
/// "# HELP ..." and "# TYPE ..." of a family; `kind` is "counter", "gauge" or "histogram".
void write_family(std::string& out, std::string_view name, std::string_view help,
                  std::string_view kind);
void write_value(std::string& out, std::string_view name, const std::string& labels, double value);
/// `counts`: of each bucket by itself (not cumulative), one more than bounds.
void write_histogram(std::string& out, std::string_view name, const std::string& labels,
                     const std::vector<double>& bounds, const std::vector<uint64_t>& counts,
                     double sum);

/// Owner of a program's metrics. Thread-safe; references that it hands out live as long as it.
/// Asking for a metric that exists (same name, same labels) gives the same one. Using one name for
/// two kinds is a bug and ends the program.
class Metrics {
  public:
    Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
    Histogram& histogram(std::string_view name, std::string_view help,
                         const std::vector<double>& bounds, const Labels& labels = {});

    /// Metrics whose value is computed when they are read. `read` is called with the registry
    /// locked, on the reader's thread: it must not call the registry.
    using Read = std::function<double()>;
    void counter_from(std::string_view name, std::string_view help, const Labels& labels,
                      Read read);
    void gauge_from(std::string_view name, std::string_view help, const Labels& labels, Read read);

    /// The collector of this type, made at first use; lives as long as the registry.
    template <typename T>
    T& collector() {
        const std::lock_guard lock(mutex_);
        for (const auto& each : collectors_) {
            if (auto* have = dynamic_cast<T*>(each.get())) return *have;
        }
        collectors_.push_back(std::make_unique<T>());
        return static_cast<T&>(*collectors_.back());
    }

    /// The whole exposition: families in order of name, then those of collectors.
    std::string text() const;

  private:
    enum class Kind : uint8_t { counter, gauge, histogram };
    struct Sample {
        std::string labels;  // rendered, without braces: `side="tun",x="y"`
        std::unique_ptr<Counter> counter;
        std::unique_ptr<Gauge> gauge;
        std::unique_ptr<Histogram> histogram;
        Read read;
    };
    struct FamilyOf {
        Kind kind;
        std::string help;
        std::deque<Sample> samples;
    };

    Sample& sample(Kind kind, std::string_view name, std::string_view help, const Labels& labels);
    static void write(std::string& out, const std::string& name, const Sample& sample);

    mutable std::mutex mutex_;
    std::map<std::string, FamilyOf, std::less<>> families_;
    std::vector<std::unique_ptr<Collector>> collectors_;
};

}  // namespace ipref::run

// SPDX-License-Identifier: GPL-2.0-or-later
// Counts of queries and answers, by the names that CoreDNS's dashboards know. Each worker counts
// for itself, plain loads and stores in memory of its own; a reader adds them up. Counts go on
// through reloads.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "common/run/metrics.h"
#include "resolver/server/query.h"

namespace ipref::resolver {

/// One distribution of one worker; the bounds are the family's.
class Spread {
  public:
    explicit Spread(const std::vector<double>& bounds) : bounds_(&bounds) {}
    void observe(double value);
    void add_to(std::vector<uint64_t>& counts, double& sum) const;

  private:
    static constexpr size_t kMost = 18;
    const std::vector<double>* bounds_;
    std::array<run::WorkerCounter, kMost> counts_;
    std::atomic<double> sum_ = 0;
};

/// What is counted of one zone of one listener, by one worker.
class Series {
  public:
    Series();
    /// Types that have a label of their own; the last one is "other".
    static constexpr size_t kTypes = 20;
    static std::string_view type_label(size_t index);
    static size_t type_index(uint16_t type);

    /// `seconds`: from the query's arrival. `zone` is what the counts are of.
    void count(const Query& q, double seconds);

    using Response = std::tuple<uint16_t, std::string_view>;  // rcode, plugin
    struct Sums;
    void add_to(Sums& sums) const;

  private:
    run::WorkerCounter& response(uint16_t rcode, std::string_view plugin);

    // By transport: 0 is UDP, 1 is everything over streams.
    std::array<std::array<std::array<run::WorkerCounter, kTypes>, 2>, 2> requests_;  // family, type
    run::WorkerCounter dnssec_ok_;
    Spread seconds_;
    std::array<Spread, 2> request_size_;
    std::array<Spread, 2> response_size_;
    mutable std::mutex growing_;  // of responses_: their number, not their counts
    std::deque<std::pair<Response, run::WorkerCounter>> responses_;
};

class Tally final : public run::Collector {
  public:
    struct Key {
        std::string server, zone, view;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    /// The worker's own series; keep the reference, it lives as long as this.
    Series& of(const Key& key, unsigned worker);
    void write(std::string& out) const override;

  private:
    mutable std::mutex mutex_;
    std::map<Key, std::map<unsigned, Series>> series_;
};

}  // namespace ipref::resolver

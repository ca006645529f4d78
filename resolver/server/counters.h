// SPDX-License-Identifier: GPL-2.0-or-later
// Counters whose labels are known only when a query is there: the server, the zone, the view.
// Looked up once per worker and combination, so that counting takes no lock.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

/// Counters of one name. Use: make() in start(), drop() in stop(), add() in between.
class QueryCounters {
  public:
    /// `name` and `help` have static storage; `metrics` outlives this.
    QueryCounters(run::Metrics& metrics, std::string_view name, std::string_view help,
                  bool with_view = true)
        : metrics_(&metrics), name_(name), help_(help), with_view_(with_view) {}

    void make(const Worker& worker) { known_.make(worker); }
    void drop(const Worker& worker) { known_.drop(worker); }
    /// Counts under the labels server, view (unless told otherwise) and `more`; `key` tells one set
    /// of `more` from another, of which there are few.
    void add(Query& q, size_t key = 0, const std::function<run::Labels()>& more = nullptr) {
        auto& known = known_[q.worker()];
        for (const auto& one : known) {
            if (one.server == &q.server() && one.view.data() == q.view().data() && one.key == key) {
                return one.counter->add();
            }
        }
        run::Labels labels{{"server", q.server()}};
        if (more) {
            for (auto& label : more()) labels.push_back(std::move(label));
        }
        if (with_view_) labels.emplace_back("view", q.view());
        auto& counter = metrics_->counter(name_, help_, labels);
        known.push_back({&q.server(), q.view(), key, &counter});
        counter.add();
    }

  private:
    struct Known {
        const std::string* server;  // of the configuration, as the handler is
        std::string_view view;
        size_t key;
        run::Counter* counter;
    };
    run::Metrics* metrics_;
    std::string_view name_;
    std::string_view help_;
    bool with_view_;
    PerWorker<std::vector<Known>> known_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cache/counters.h"

namespace ipref::resolver::cache {

namespace {

run::Labels with_type(run::Labels labels, const char* type) {
    labels.emplace_back("type", type);
    return labels;
}

}  // namespace

Counters::Counters(run::Metrics& metrics, const std::string& server, const std::string& zones,
                   const std::string& view)
    : Counters(metrics, {{"server", server}, {"zones", zones}, {"view", view}}) {}

Counters::Counters(run::Metrics& metrics, const run::Labels& labels)
    : requests(
          metrics.counter("coredns_cache_requests_total", "The count of cache requests.", labels)),
      misses(metrics.counter("coredns_cache_misses_total", "The count of cache misses.", labels)),
      prefetches(metrics.counter("coredns_cache_prefetch_total",
                                 "The number of times an answer was fetched before it ended.",
                                 labels)),
      drops(metrics.counter("coredns_cache_drops_total",
                            "Answers that are not kept because they do not belong to the question.",
                            labels)),
      stale(metrics.counter("coredns_cache_served_stale_total",
                            "The number of answers given after their end.", labels)) {
    constexpr const char* kTypes[kKinds] = {"success", "denial"};
    for (size_t kind = 0; kind < kKinds; kind++) {
        const auto typed = with_type(labels, kTypes[kind]);
        hits[kind] =
            &metrics.counter("coredns_cache_hits_total", "The count of cache hits.", typed);
        evictions[kind] = &metrics.counter("coredns_cache_evictions_total",
                                           "The count of answers pushed out.", typed);
        entries[kind] =
            &metrics.gauge("coredns_cache_entries", "The number of answers in the cache.", typed);
    }
}

Counters& CountersByServer::of(const std::string& server) {
    for (const auto& [known, counters] : known_) {
        if (known == &server) return *counters;
    }
    known_.emplace_back(&server, std::make_unique<Counters>(metrics_, server, zones_, view_));
    return *known_.back().second;
}

}  // namespace ipref::resolver::cache

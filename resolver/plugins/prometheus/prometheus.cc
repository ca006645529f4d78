// SPDX-License-Identifier: GPL-2.0-or-later
// Counts queries and answers, and shows everything that is counted at /metrics.
#include <unordered_map>

#include "common/run/version.h"
#include "resolver/plugins/prometheus/tally.h"
#include "resolver/server/config.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

const char* const kDropped = "dropped";  // the zone of what was refused before any plugin saw it

class Prometheus final : public Handler {
  public:
    explicit Prometheus(Tally& tally) : tally_(tally) {}
    std::string_view name() const override { return "prometheus"; }
    Interest interest() const override { return {.all = true, .refusals = true}; }

    Result<void> start(Worker& worker) override {
        known_.make(worker);
        return {};
    }
    void stop(Worker& worker) override { known_.drop(worker); }

    Step handle(Query& q) override { return q.depth() == 0 ? Step::watch : Step::next; }

    Step answered(Query& q) override {
        count(q, &q.zone());
        return Step::done;
    }
    void refused(Query& q) override { count(q, nullptr); }

  private:
    /// Zones of the configuration are few and stay where they are: their addresses are the keys.
    using Known = std::unordered_map<const void*, Series*>;

    void count(const Query& q, const Name* zone) {
        auto& known = known_[q.worker()];
        const void* const key = zone == nullptr ? static_cast<const void*>(&q.server()) : zone;
        auto*& series = known[key];
        if (series == nullptr) {
            series = &tally_.of({.server = q.server(),
                                 .zone = zone == nullptr ? kDropped : zone->str(),
                                 .view = std::string(q.view())},
                                q.worker().index());
        }
        const auto took = q.worker().now() - q.arrived();
        series->count(q, std::chrono::duration<double>(took).count());
    }

    Tally& tally_;
    PerWorker<Known> known_;
};

void write_plugins(std::string& out, const Config& config) {
    const char* const name = "coredns_plugin_enabled";
    run::write_family(out, name,
                      "A metric that indicates whether a plugin is enabled on per server and zone "
                      "basis.",
                      "gauge");
    for (const auto& [address, routes] : config.listeners) {
        for (const auto& zone : routes.zones()) {
            for (const auto& plugin : zone.block->plugins) {
                const auto labels = run::label_text({{"server", routes.server},
                                                     {"zone", zone.name.str()},
                                                     {"view", zone.block->settings.view},
                                                     {"name", std::string(plugin)}});
                if (out.find(labels) == std::string::npos) run::write_value(out, name, labels, 1);
            }
        }
    }
}

Page metrics_page(const net::Endpoint& at) {
    return {.plugin = "prometheus", .at = at, .path = "/metrics", .answer = [](const auto& state) {
                auto text = state.config.metrics->text();
                write_plugins(text, state.config);
                return run::HttpResponse{.type = "text/plain; version=0.0.4; charset=utf-8",
                                         .body = std::move(text)};
            }};
}

}  // namespace

Result<void> setup_prometheus(Setup& setup) {
    auto& d = setup.tokens();
    std::string address = "localhost:9153";
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto words = d.remaining_args();
        if (words.size() > 1) return d.arg_err();
        if (!words.empty()) address = words.front();
        if (auto read = OptionTable().read_block(d); !read) return read;
    }
    const auto at = http_address(address);
    if (!at) return setup.error(at.error().text);
    setup.process().pages.push_back(metrics_page(*at));
    auto& metrics = setup.metrics();
    metrics
        .gauge("coredns_build_info",
               "A metric with a constant '1' value labeled by version, "
               "revision, and goversion from which CoreDNS was built.",
               {{"version", std::string(run::kRelease)},
                {"revision", std::string(run::kCommit)},
                {"goversion", ""}})
        .set(1);
    panics_counter(metrics);
    setup.add(std::make_unique<Prometheus>(metrics.collector<Tally>()));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the zones of all zone files in a directory.
#include "resolver/plugins/auto/auto_zones.h"
#include "resolver/plugins/file/serve.h"
#include "resolver/plugins/file/zone_source.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

class Auto final : public Handler, public ZoneSource {
  public:
    explicit Auto(std::vector<std::shared_ptr<AutoZones>> all) : all_(std::move(all)) {}
    std::string_view name() const override { return "auto"; }

    Result<void> start(Worker& worker) override {
        seen_.make(worker).resize(all_.size());
        if (worker.index() != 0) return {};
        for (const auto& one : all_) {
            one->watch(worker.loop(), [this](const Zone& zone) {
                for (const auto& callback : callbacks_) callback(zone);
            });
        }
        return {};
    }
    void stop(Worker& worker) override {
        seen_.drop(worker);
        if (worker.index() != 0) return;
        for (const auto& one : all_) one->unwatch();
    }

    Step handle(Query& q) override {
        for (size_t i = 0; i < all_.size(); i++) {
            if (longest_zone(all_[i]->settings().zones, q.request.lower) == nullptr) continue;
            const auto* file = current(q, i).find(q.request.lower);
            if (file == nullptr) continue;
            const uint16_t type = q.request.type;
            if (type == dns::rr::kAxfr || type == dns::rr::kIxfr) {
                return q.failed(dns::rcode::kRefused);
            }
            auto zone = file->zone();
            const Zone& held = *zone;
            q.pin(std::move(zone));
            return serve_from(held, q, {});
        }
        return Step::next;
    }

    ZoneSource* zone_source() override { return this; }
    std::shared_ptr<const Zone> zone(const Name& origin) const override {
        for (const auto& one : all_) {
            const auto zones = one->zones();
            const auto found = zones->files().find(origin.str());
            if (found != zones->files().end()) return found->second->zone();
        }
        return nullptr;
    }
    std::vector<Name> origins() const override {
        std::vector<Name> out;
        for (const auto& one : all_) {
            const auto zones = one->zones();
            for (const auto& [origin, file] : zones->files()) out.push_back(file->origin());
        }
        return out;
    }
    void on_change(std::function<void(const Zone&)> callback) override {
        callbacks_.push_back(std::move(callback));
    }

  private:
    struct Seen {
        uint64_t version = 0;
        std::shared_ptr<const ZoneSet> zones;
    };
    const ZoneSet& current(const Query& q, size_t index) {
        auto& seen = seen_[q.worker()][index];
        const uint64_t version = all_[index]->version();
        if (seen.version != version) seen = {version, all_[index]->zones()};
        return *seen.zones;
    }

    std::vector<std::shared_ptr<AutoZones>> all_;
    std::vector<std::function<void(const Zone&)>> callbacks_;
    PerWorker<std::vector<Seen>> seen_;
};

Result<void> take_directory(const Setup& setup, Dispenser& d, AutoSettings& settings) {
    const auto words = d.remaining_args();
    if (words.empty() || words.size() == 2 || words.size() > 3) return d.arg_err();
    settings.directory = setup.path(words[0]);
    if (words.size() == 1) return {};
    settings.pattern = std::make_shared<RE2>(words[1], RE2::Quiet);
    if (!settings.pattern->ok()) {
        return d.err(fmt::format("error parsing regexp: {}: `{}`", settings.pattern->error(),
                                 settings.pattern->error_arg()));
    }
    settings.origin = words[2];
    const int groups = settings.pattern->NumberOfCapturingGroups();
    for (int i = groups + 1; i <= 9; i++) {
        if (words[2].find(fmt::format("{{{}}}", i)) == std::string::npos) continue;
        return d.err(fmt::format("template \"{}\" wants group {}, but \"{}\" has {}", words[2], i,
                                 words[1], groups));
    }
    return {};
}

Result<AutoSettings> read_use(Setup& setup) {
    auto& d = setup.tokens();
    AutoSettings settings;
    auto zones = setup.zones_or_own(d.remaining_tokens());
    if (!zones) return tl::unexpected(zones.error());
    settings.zones = std::move(*zones);
    settings.pattern = std::make_shared<RE2>("db\\.(.*)");
    OptionTable options;
    options.custom({"directory", "DIRECTORY [REGEXP ORIGIN]", "",
                    "Where the zone files are, and how a file's name gives its zone.",
                    [&](Dispenser& in) { return take_directory(setup, in, settings); }});
    options.duration("reload", settings.reload, Nanoseconds(0), std::chrono::hours(24 * 365),
                     "How often directory and files are looked at. 0: never.");
    options.ignored("upstream", "Accepted and without effect, for old files.");
    if (auto read = options.read_block(d); !read) return tl::unexpected(read.error());
    if (settings.directory.empty()) return setup.error("'directory DIRECTORY' is needed");
    return settings;
}

}  // namespace

Result<void> setup_auto(Setup& setup) {
    std::vector<std::shared_ptr<AutoZones>> all;
    while (setup.tokens().next()) {
        auto settings = read_use(setup);
        if (!settings) return tl::unexpected(settings.error());
        auto& zones = all.emplace_back(std::make_shared<AutoZones>(std::move(*settings)));
        std::vector<std::string> warnings;
        zones->load(warnings);
        for (const auto& warning : warnings) setup.warn(warning);
    }
    setup.add(std::make_unique<Auto>(std::move(all)));
    return {};
}

}  // namespace ipref::resolver

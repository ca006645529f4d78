// SPDX-License-Identifier: GPL-2.0-or-later
// Serves zones from zone files.
#include "common/run/log.h"

#include "resolver/plugins/file/held_zone.h"
#include "resolver/plugins/file/serve.h"
#include "resolver/plugins/file/zone_file.h"
#include "resolver/plugins/file/zone_source.h"
#include "resolver/server/fallthrough.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct Served {
    std::shared_ptr<ZoneFile> file;
    std::vector<Name> fallthrough;
};

class File final : public Handler, public ZoneSource {
  public:
    explicit File(std::vector<Served> served) : served_(std::move(served)) {
        for (const auto& one : served_) origins_.push_back(one.file->origin());
    }
    std::string_view name() const override { return "file"; }

    Result<void> start(Worker& worker) override {
        held_.make(worker).resize(served_.size());
        if (worker.index() != 0) return {};
        for (const auto& one : served_) {
            one.file->watch(worker.loop(), [this](const Zone& zone) {
                for (const auto& callback : callbacks_) callback(zone);
            });
        }
        return {};
    }
    void stop(Worker& worker) override {
        held_.drop(worker);
        if (worker.index() != 0) return;
        for (const auto& one : served_) one.file->unwatch();
    }

    Step handle(Query& q) override;

    bool ready() const override {
        return std::all_of(served_.begin(), served_.end(),
                           [](const Served& one) { return one.file->zone() != nullptr; });
    }
    ZoneSource* zone_source() override { return this; }
    std::shared_ptr<const Zone> zone(const Name& origin) const override {
        const auto index = index_of(origin);
        return index && origins_[*index] == origin ? served_[*index].file->zone() : nullptr;
    }
    std::vector<Name> origins() const override { return origins_; }
    void on_change(std::function<void(const Zone&)> callback) override {
        callbacks_.push_back(std::move(callback));
    }
    std::string explain() const override {
        std::string out;
        for (const auto& one : served_) {
            out += fmt::format("{}{} from {}", out.empty() ? "" : ", ", one.file->origin().str(),
                               one.file->path());
        }
        return out;
    }

  private:
    std::optional<size_t> index_of(const Name& name) const {
        const auto* origin = longest_zone(origins_, name);
        if (origin == nullptr) return std::nullopt;
        return static_cast<size_t>(origin - origins_.data());
    }

    std::vector<Served> served_;
    std::vector<Name> origins_;
    std::vector<std::function<void(const Zone&)>> callbacks_;
    PerWorker<std::vector<HeldZone>> held_;
};

Step File::handle(Query& q) {
    const auto index = index_of(q.request.lower);
    if (!index) return Step::next;
    const uint16_t type = q.request.type;
    if (type == dns::rr::kAxfr || type == dns::rr::kIxfr) return q.failed(dns::rcode::kRefused);
    const auto& file = *served_[*index].file;
    const auto* zone = held_[q.worker()][*index].now(file, q);
    if (zone == nullptr) {
        return q.failed(dns::rcode::kServFail,
                        fmt::format("plugin/file: zone {} has no data, {} is missing",
                                    file.origin().str(), file.path()));
    }
    return serve_from(*zone, q, served_[*index].fallthrough);
}

/// One `file` line with its block.
Result<void> read_use(Setup& setup, std::vector<Served>& served) {
    auto& d = setup.tokens();
    if (!d.next_arg()) return d.arg_err();
    const auto path = setup.path(d.val());
    const auto arguments = d.remaining_tokens();
    const auto origins = setup.zones_or_own(arguments);
    if (!origins) return tl::unexpected(origins.error());
    Nanoseconds reload = std::chrono::minutes(1);
    std::vector<Name> fallthrough;
    bool by_mtime = false;
    OptionTable options;
    options.duration("reload", reload, Nanoseconds(0), std::chrono::hours(24 * 365),
                     "How often the file is looked at; taken when the SOA's serial has changed. 0: "
                     "never.");
    options.flag("reload_by_mtime", by_mtime,
                 "A file that has changed is taken, whatever the SOA's serial.");
    fallthrough_option(options, setup, fallthrough, *origins,
                       "A name that does not exist goes to the next plugin.");
    options.ignored("upstream", "Accepted and without effect, for old files.");
    if (auto read = options.read_block(d); !read) return read;
    for (const auto& origin : *origins) {
        auto file = std::make_shared<ZoneFile>(origin, path, reload, by_mtime);
        std::vector<std::string> warnings;
        if (auto loaded = file->load(warnings); !loaded) {
            return fail("plugin/file: {}", loaded.error().text);
        }
        for (const auto& warning : warnings) setup.warn(warning);
        served.push_back({std::move(file), fallthrough});
    }
    return {};
}

}  // namespace

Result<void> setup_file(Setup& setup) {
    std::vector<Served> served;
    while (setup.tokens().next()) {
        if (auto read = read_use(setup, served); !read) return read;
    }
    setup.add(std::make_unique<File>(std::move(served)));
    return {};
}

}  // namespace ipref::resolver

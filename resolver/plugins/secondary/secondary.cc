// SPDX-License-Identifier: GPL-2.0-or-later
// Serves zones that come from other servers by zone transfer.
#include <algorithm>
#include <mutex>
#include <set>

#include "resolver/plugins/file/held_zone.h"
#include "resolver/plugins/file/serve.h"
#include "resolver/plugins/file/zone_source.h"
#include "resolver/plugins/secondary/secondary_zone.h"
#include "resolver/server/fallthrough.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

struct Served {
    std::shared_ptr<SecondaryZone> zone;
    std::vector<Name> fallthrough;
};

class Secondary final : public Handler, public ZoneSource {
  public:
    explicit Secondary(std::vector<Served> served) : served_(std::move(served)) {
        for (const auto& one : served_) origins_.push_back(one.zone->origin());
    }
    std::string_view name() const override { return "secondary"; }
    Interest interest() const override { return {.notify = true}; }
    bool ready() const override {
        return std::all_of(served_.begin(), served_.end(),
                           [](const Served& one) { return one.zone->zone() != nullptr; });
    }

    Result<void> start(Worker& worker) override {
        held_.make(worker).resize(served_.size());
        if (worker.index() != 0) return {};
        for (const auto& one : served_) {
            one.zone->start(worker.loop(), [this](const Zone& zone) {
                for (const auto& callback : callbacks_) callback(zone);
            });
        }
        const std::lock_guard lock(mutex_);
        wake_ = std::make_unique<run::Wake>(worker.loop(), [this] { notified(); });
        wake_->keep_alive(false);
        return {};
    }
    void stop(Worker& worker) override {
        held_.drop(worker);
        if (worker.index() != 0) return;
        {
            const std::lock_guard lock(mutex_);
            wake_.reset();
        }
        for (const auto& one : served_) one.zone->stop();
    }

    Step handle(Query& q) override {
        const auto* origin = longest_zone(origins_, q.request.lower);
        if (origin == nullptr) return Step::next;
        const auto index = static_cast<size_t>(origin - origins_.data());
        if (q.request.opcode == dns::opcode::kNotify) return notify(q, index);
        const uint16_t type = q.request.type;
        if (type == dns::rr::kAxfr || type == dns::rr::kIxfr) return q.failed(dns::rcode::kRefused);
        const auto* zone = held_[q.worker()][index].now(*served_[index].zone, q);
        if (zone == nullptr) {
            return q.failed(dns::rcode::kServFail,
                            fmt::format("plugin/secondary: zone {} has not been transferred, or "
                                        "has expired",
                                        origin->str()));
        }
        return serve_from(*zone, q, served_[index].fallthrough);
    }

    ZoneSource* zone_source() override { return this; }
    std::shared_ptr<const Zone> zone(const Name& origin) const override {
        for (const auto& one : served_) {
            if (one.zone->origin() == origin) return one.zone->zone();
        }
        return nullptr;
    }
    std::vector<Name> origins() const override { return origins_; }
    void on_change(std::function<void(const Zone&)> callback) override {
        callbacks_.push_back(std::move(callback));
    }

  private:
    Step notify(Query& q, size_t index) {
        const auto& zone = *served_[index].zone;
        const bool apex = q.request.lower == zone.origin() && q.request.type == dns::rr::kSoa;
        if (!apex || !zone.is_server(q.request.client.ip)) return q.failed(dns::rcode::kRefused);
        q.reply.aa = true;
        const std::lock_guard lock(mutex_);
        notified_.insert(index);
        if (wake_ != nullptr) wake_->send();
        return Step::done;
    }
    void notified() {
        std::set<size_t> which;
        {
            const std::lock_guard lock(mutex_);
            which.swap(notified_);
        }
        for (const size_t index : which) served_[index].zone->look();
    }

    std::vector<Served> served_;
    std::vector<Name> origins_;
    std::vector<std::function<void(const Zone&)>> callbacks_;
    PerWorker<std::vector<HeldZone>> held_;
    std::mutex mutex_;
    std::set<size_t> notified_;
    std::unique_ptr<run::Wake> wake_;
};

Result<std::vector<net::Endpoint>> servers_from(Dispenser& d) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val() != "from")
        return d.err(
            fmt::format("unknown property '{}'; write 'transfer from "
                        "ADDRESS...'",
                        d.val()));
    const auto words = d.remaining_tokens();
    if (words.empty()) return d.arg_err();
    std::vector<net::Endpoint> out;
    for (const auto& word : words) {
        const auto server = net::Endpoint::parse(word.text, 53);
        if (!server) {
            return parse_error(word.at, fmt::format("\"{}\" is no address", word.text));
        }
        out.push_back(*server);
    }
    return out;
}

/// NAME:ALGORITHM:SECRET-FILE
Result<dns::TsigKey> key_from(const Setup& setup, Dispenser& d) {
    const auto words = d.remaining_tokens();
    if (words.size() != 1) return d.arg_err();
    auto text = words[0].text;
    if (const auto file = text.rfind(':'); file != text.npos) {
        text = text.substr(0, file + 1) + setup.path(text.substr(file + 1));
    }
    auto key = dns::parse_tsig(text);
    if (!key) return parse_error(words[0].at, "tsig: " + key.error().text);
    return key;
}

Result<void> read_use(Setup& setup, std::vector<Served>& served) {
    auto& d = setup.tokens();
    const auto origins = setup.zones_or_own(d.remaining_tokens());
    if (!origins) return tl::unexpected(origins.error());
    std::vector<net::Endpoint> servers;
    std::optional<dns::TsigKey> tsig;
    std::vector<Name> fallthrough;
    OptionTable options;
    options.custom({"transfer", "from ADDRESS[:PORT]...", "",
                    "The servers that have the zones, tried in this order.",
                    [&](Dispenser& in) -> Result<void> {
                        const auto more = servers_from(in);
                        if (!more) return tl::unexpected(more.error());
                        servers.insert(servers.end(), more->begin(), more->end());
                        return {};
                    }});
    options.custom({"tsig", "NAME:ALGORITHM:SECRET-FILE", "",
                    "Questions to the servers are signed, and their answers must be.",
                    [&](Dispenser& in) -> Result<void> {
                        auto key = key_from(setup, in);
                        if (!key) return tl::unexpected(key.error());
                        tsig = std::move(*key);
                        return {};
                    }});
    fallthrough_option(options, setup, fallthrough, *origins,
                       "A name that does not exist goes to the next plugin.");
    options.ignored("upstream", "Accepted and without effect, for old files.");
    if (auto read = options.read_block(d); !read) return read;
    if (servers.empty()) return setup.error("'transfer from ADDRESS...' is needed");
    for (const auto& origin : *origins) {
        served.push_back({SecondaryZone::make(origin, servers, tsig), fallthrough});
    }
    return {};
}

}  // namespace

Result<void> setup_secondary(Setup& setup) {
    std::vector<Served> served;
    while (setup.tokens().next()) {
        if (auto read = read_use(setup, served); !read) return read;
    }
    setup.add(std::make_unique<Secondary>(std::move(served)));
    return {};
}

}  // namespace ipref::resolver

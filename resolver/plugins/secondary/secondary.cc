// SPDX-License-Identifier: GPL-2.0-or-later
// Serves zones that come from other servers by zone transfer.
#include <algorithm>
#include <mutex>
#include <set>

#include "resolver/plugins/file/held_zone.h"
#include "resolver/plugins/file/serve.h"
#include "resolver/plugins/file/zone_source.h"
#include "resolver/plugins/secondary/secondary_zone.h"
#include "resolver/plugins/tsig/keys.h"
#include "resolver/server/fallthrough.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

/// A server as the Corefile gives it.
struct Given {
    net::Endpoint at;
    std::optional<NamedKey> named;
};

/// One use of the directive.
struct Use {
    std::vector<Name> origins;
    std::vector<Given> servers;
    std::optional<dns::TsigKey> tsig;  ///< of servers that name no key
    std::vector<Name> fallthrough;
};

struct Served {
    std::shared_ptr<SecondaryZone> zone;
    std::vector<Name> fallthrough;
};

class Secondary final : public Handler, public ZoneSource {
  public:
    explicit Secondary(std::vector<Use> uses) : uses_(std::move(uses)) {
        for (const auto& use : uses_) {
            origins_.insert(origins_.end(), use.origins.begin(), use.origins.end());
        }
    }
    std::string_view name() const override { return "secondary"; }
    Interest interest() const override { return {.notify = true}; }
    bool ready() const override {
        return std::all_of(served_.begin(), served_.end(),
                           [](const Served& one) { return one.zone->zone() != nullptr; });
    }

    Result<void> link(const Chain& chain) override {
        ring_ = key_ring_of(chain);
        for (const auto& use : uses_) {
            std::vector<Primary> servers;
            for (const auto& server : use.servers) {
                auto key = find_key(server.named, ring_);
                if (!key) return tl::unexpected(key.error());
                servers.push_back({server.at, *key ? std::move(*key) : use.tsig});
            }
            for (const auto& origin : use.origins) {
                served_.push_back({SecondaryZone::make(origin, servers), use.fallthrough});
            }
        }
        return {};
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
        const auto* server = apex ? zone.server(q.request.client.ip) : nullptr;
        if (server == nullptr) return q.failed(dns::rcode::kRefused);
        if (server->key) {
            const auto step = check_signature(q, *server->key);
            if (step != Step::next) return step;
        }
        q.reply.aa = true;
        const std::lock_guard lock(mutex_);
        notified_.insert(index);
        if (wake_ != nullptr) wake_->send();
        return Step::done;
    }
    /// A NOTIFY that is signed must be signed with the server's key. Plugin tsig may have looked
    /// already; whether there must be a signature at all is its to say.
    Step check_signature(Query& q, const dns::TsigKey& key) const {
        if (const auto* by = ring_ ? ring_->signed_by(q) : nullptr) {
            return *by == key.name ? Step::next : q.failed(dns::rcode::kRefused);
        }
        const auto found = dns::find_tsig(q.request.wire);
        if (!found) return q.failed(dns::rcode::kFormErr);
        if (!*found) return Step::next;
        const bool known = (*found)->key == key.name;
        return verify_signature(q, **found, known ? dns::Bytes(key.secret) : dns::Bytes());
    }
    void notified() {
        std::set<size_t> which;
        {
            const std::lock_guard lock(mutex_);
            which.swap(notified_);
        }
        for (const size_t index : which) served_[index].zone->look();
    }

    std::vector<Use> uses_;
    const KeyRing* ring_ = nullptr;
    std::vector<Served> served_;
    std::vector<Name> origins_;
    std::vector<std::function<void(const Zone&)>> callbacks_;
    PerWorker<std::vector<HeldZone>> held_;
    std::mutex mutex_;
    std::set<size_t> notified_;
    std::unique_ptr<run::Wake> wake_;
};

/// from ADDRESS[:PORT]... [key NAME]
Result<void> take_servers(Dispenser& d, std::vector<Given>& to) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val() != "from")
        return d.err(
            fmt::format("unknown property '{}'; write 'transfer from "
                        "ADDRESS...'",
                        d.val()));
    auto words = d.remaining_tokens();
    const auto key = take_key(words);
    if (!key) return tl::unexpected(key.error());
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        const auto server = net::Endpoint::parse(word.text, 53);
        if (!server) {
            return parse_error(word.at, fmt::format("\"{}\" is no address", word.text));
        }
        to.push_back({*server, *key});
    }
    return {};
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

Result<void> read_use(Setup& setup, std::vector<Use>& uses) {
    auto& d = setup.tokens();
    auto origins = setup.zones_or_own(d.remaining_tokens());
    if (!origins) return tl::unexpected(origins.error());
    Use use;
    use.origins = std::move(*origins);
    OptionTable options;
    options.custom({"transfer", "from ADDRESS[:PORT]... [key NAME]", "",
                    "The servers that have the zones, tried in this order.",
                    [&](Dispenser& in) { return take_servers(in, use.servers); }});
    options.custom({"tsig", "NAME:ALGORITHM:SECRET-FILE", "",
                    "Questions to servers without a key are signed, and their answers must be.",
                    [&](Dispenser& in) -> Result<void> {
                        auto key = key_from(setup, in);
                        if (!key) return tl::unexpected(key.error());
                        use.tsig = std::move(*key);
                        return {};
                    }});
    fallthrough_option(options, setup, use.fallthrough, use.origins,
                       "A name that does not exist goes to the next plugin.");
    options.ignored("upstream", "Accepted and without effect, for old files.");
    if (auto read = options.read_block(d); !read) return read;
    if (use.servers.empty()) return setup.error("'transfer from ADDRESS...' is needed");
    uses.push_back(std::move(use));
    return {};
}

}  // namespace

Result<void> setup_secondary(Setup& setup) {
    std::vector<Use> uses;
    while (setup.tokens().next()) {
        if (auto read = read_use(setup, uses); !read) return read;
    }
    setup.add(std::make_unique<Secondary>(std::move(uses)));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/transfer/transfer.h"

#include <chrono>

#include "common/run/log.h"
#include "resolver/plugins/file/lookup.h"
#include "resolver/plugins/file/zone_source.h"
#include "resolver/plugins/transfer/notify.h"
#include "resolver/plugins/tsig/keys.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

class Transfer final : public Handler {
  public:
    explicit Transfer(std::vector<TransferRule> rules) : rules_(std::move(rules)) {}
    std::string_view name() const override { return "transfer"; }

    Result<void> link(const Chain& chain) override {
        ring_ = key_ring_of(chain);
        for (auto& rule : rules_) {
            for (auto& one : rule.to) {
                auto key = find_key(one.named, ring_);
                if (!key) return tl::unexpected(key.error());
                one.key = std::move(*key);
            }
        }
        for (const auto& handler : chain.handlers()) {
            if (auto* source = handler->zone_source()) sources_.push_back(source);
        }
        for (auto* source : sources_) {
            source->on_change([this](const Zone& zone) {
                if (notifier_ != nullptr) tell(zone.origin());
            });
        }
        return {};
    }

    Result<void> start(Worker& worker) override {
        if (worker.index() != 0) return {};
        notifier_ = std::make_unique<Notifier>(worker.loop());
        for (auto* source : sources_) {
            for (const auto& origin : source->origins()) {
                if (source->zone(origin) != nullptr) tell(origin);
            }
        }
        return {};
    }
    void stop(Worker& worker) override {
        if (worker.index() == 0) notifier_.reset();
    }

    Step handle(Query& q) override;

  private:
    const TransferRule* rule_of(const Name& name) const {
        const TransferRule* best = nullptr;
        size_t labels = 0;
        for (const auto& rule : rules_) {
            const auto* zone = longest_zone(rule.zones, name);
            if (zone == nullptr || (best != nullptr && zone->labels() <= labels)) continue;
            best = &rule;
            labels = zone->labels();
        }
        return best;
    }
    void tell(const Name& origin) {
        const auto* rule = rule_of(origin);
        if (rule != nullptr) notifier_->tell(origin, rule->to);
    }
    std::shared_ptr<const Zone> zone_of(const Name& origin) const {
        for (const auto* source : sources_) {
            if (auto zone = source->zone(origin)) return zone;
        }
        return nullptr;
    }
    static void send(Query& q, Outgoing& outgoing);

    std::vector<TransferRule> rules_;
    const KeyRing* ring_ = nullptr;
    std::vector<ZoneSource*> sources_;
    std::unique_ptr<Notifier> notifier_;
};

Step Transfer::handle(Query& q) {
    const uint16_t type = q.request.type;
    if (type != dns::rr::kAxfr && type != dns::rr::kIxfr) return Step::next;
    const auto* rule = rule_of(q.request.lower);
    if (rule == nullptr) return Step::next;
    if (!q.is_stream() ||
        !rule->allows(q.request.client.ip, ring_ ? ring_->signed_by(q) : nullptr)) {
        return q.failed(dns::rcode::kRefused);
    }
    auto zone = zone_of(q.request.lower);
    if (zone == nullptr) return q.failed(dns::rcode::kRefused);
    q.reply.aa = true;
    if (type == dns::rr::kIxfr) {
        const auto serial = client_serial(q.request);
        if (!serial) return q.failed(dns::rcode::kFormErr);
        if (serial_reached(*serial, zone->serial())) {
            q.reply.answer.push_back(soa_of(*zone));
            q.pin(zone);
            return Step::done;
        }
    }
    auto& outgoing = q.arena().make<Outgoing>(zone);
    if (outgoing.fill(q.reply)) {
        // The first message is sent once this call has ended, as the interface asks.
        q.defer([&q, &outgoing] { send(q, outgoing); });
        return Step::later;
    }
    return Step::done;
}

/// Whoever may transfer may do so all day long.
void tell_sent(const Query& q, const Outgoing& outgoing) {
    thread_local run::LogLimit limit;
    uint64_t left_out = 0;
    if (!limit.allow(std::chrono::steady_clock::now(), left_out)) return;
    if (left_out > 0) run::log_info("plugin/transfer: {} more outgoing transfers before", left_out);
    run::log_info(
        "plugin/transfer: Outgoing transfer of {} records of zone {} to {} for {} SOA serial",
        outgoing.sent(), outgoing.zone().origin().str(), q.request.client.str(),
        outgoing.zone().serial());
}

/// Sends what is in the reply and goes on when the client has taken it.
void Transfer::send(Query& q, Outgoing& outgoing) {
    const bool going = q.send_part([&q, &outgoing] {
        if (outgoing.fill(q.reply)) return send(q, outgoing);
        tell_sent(q, outgoing);
        q.finish();
    });
    if (!going) q.fail(dns::rcode::kServFail);
}

/// ADDRESS[:PORT]...|* [key NAME]
Result<void> take_to(Dispenser& d, std::vector<Recipient>& to) {
    auto words = d.remaining_tokens();
    const auto key = take_key(words);
    if (!key) return tl::unexpected(key.error());
    if (words.empty()) return d.arg_err();
    for (const auto& word : words) {
        if (word.text == "*") {
            to.push_back({std::nullopt, *key, {}});
            continue;
        }
        const auto server = net::Endpoint::parse(word.text, 53);
        if (!server) {
            return parse_error(word.at, fmt::format("must specify an IP address: `{}'", word.text));
        }
        to.push_back({*server, *key, {}});
    }
    return {};
}

Result<TransferRule> read_use(Setup& setup) {
    auto& d = setup.tokens();
    TransferRule rule;
    auto zones = setup.zones_or_own(d.remaining_tokens());
    if (!zones) return tl::unexpected(zones.error());
    rule.zones = std::move(*zones);
    OptionTable options;
    options.custom({"to", "ADDRESS[:PORT]...|* [key NAME]", "",
                    "Who may transfer the zones, from any port; addresses are told of new data.",
                    [&](Dispenser& in) { return take_to(in, rule.to); }});
    if (auto read = options.read_block(d); !read) return tl::unexpected(read.error());
    if (rule.to.empty()) return setup.error("'to' is required");
    return rule;
}

}  // namespace

Result<void> setup_transfer(Setup& setup) {
    std::vector<TransferRule> rules;
    while (setup.tokens().next()) {
        auto rule = read_use(setup);
        if (!rule) return tl::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    setup.add(std::make_unique<Transfer>(std::move(rules)));
    return {};
}

}  // namespace ipref::resolver

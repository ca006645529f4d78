// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref: answers A and AAAA with encoded addresses, for names that publish AA records.
// Source: spec page "ipref-coredns", sections 1 and 6. Options: README.md beside this file.
#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "resolver/plugins/ipref/answerer.h"
#include "resolver/plugins/ipref/tally.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kLongestTtl = 0x7fffffff;

/// Seconds; spec page "ipref-coredns", section 1.
constexpr uint32_t kFailureKept = 1;

struct Options {
    std::vector<Name> zones;
    std::vector<Name> except;
    aa::AnswererOptions answerer;
};

class Ipref final : public Handler {
  public:
    Ipref(Options options, aa::Tally& tally) : options_(std::move(options)), tally_(tally) {}

    std::string_view name() const override { return "ipref"; }

    Step handle(Query& q) override {
        if (!is_ours(q.request)) return Step::next;
        auto& state = state_[q.worker()];
        if (const auto recalled = state.answerer.recall(q.request.lower, q.request.type)) {
            if (recalled->outcome.kind == aa::Outcome::Kind::no_aa) return Step::next;
            fill(q, recalled->outcome, recalled->age);
            count(q, true);
            return Step::done;
        }
        state.held.insert(&q);
        state.answerer.ask(q.request.name, q.request.type, [this, &q](const aa::Outcome& outcome) {
            state_[q.worker()].held.erase(&q);
            answer(q, outcome);
        });
        return Step::later;
    }

    Result<void> start(Worker& worker) override {
        state_.make(worker, worker.loop(), options_.answerer);
        return {};
    }

    void stop(Worker& worker) override {
        const auto held = std::move(state_[worker].held);
        state_.drop(worker);
        for (auto* q : held) q->fail(dns::rcode::kServFail);
    }

    std::string explain() const override {
        std::vector<std::string> upstreams;
        for (const auto& target : options_.answerer.asker.upstreams) {
            upstreams.push_back(target.str());
        }
        return fmt::format("AA records from {}, mapper {}", fmt::join(upstreams, ", "),
                           options_.answerer.mapper.path);
    }

  private:
    /// What one worker holds.
    struct State {
        State(run::Loop& loop, const aa::AnswererOptions& options) : answerer(loop, options) {}
        std::unordered_set<Query*> held;
        aa::Answerer answerer;
        std::vector<std::pair<const std::string*, aa::Answers*>> counts;  // by server
    };

    bool is_ours(const Request& request) const {
        if (request.type != dns::rr::kA && request.type != dns::rr::kAaaa) return false;
        return longest_zone(options_.zones, request.lower) != nullptr &&
               longest_zone(options_.except, request.lower) == nullptr;
    }

    /// Ends the query: nothing of this handler may be touched afterwards.
    void answer(Query& q, const aa::Outcome& outcome) {
        switch (outcome.kind) {
            case aa::Outcome::Kind::no_aa:
                return q.pass();
            case aa::Outcome::Kind::failed:
                q.reply.plugin = "ipref";
                q.add_extended_error(outcome.info_code, outcome.why);
                q.reply.keep = kFailureKept;
                count(q, false);
                return q.fail(dns::rcode::kServFail, "plugin/ipref: " + outcome.why);
            case aa::Outcome::Kind::nodata:
            case aa::Outcome::Kind::addresses:
                fill(q, outcome, 0);
                count(q, true);
                return q.finish();
        }
    }

    void count(const Query& q, bool answered) {
        auto& known = state_[q.worker()].counts;
        auto at = std::find_if(known.begin(), known.end(),
                               [&](const auto& one) { return one.first == &q.server(); });
        if (at == known.end()) {
            at = known.insert(at, {&q.server(), &tally_.of(q.server(), q.worker().index())});
        }
        const auto took = q.worker().now() - q.arrived();
        at->second->count(answered, std::chrono::duration<double>(took).count());
    }

    /// What was found out `age` seconds ago, less than its TTLs.
    static void fill(Query& q, const aa::Outcome& outcome, uint32_t age) {
        const uint32_t ttl = outcome.ttl - age;
        q.reply.plugin = "ipref";
        q.reply.ra = true;
        q.reply.keep = outcome.kind == aa::Outcome::Kind::nodata ? 0 : ttl;  // it has no SOA
        for (const auto& record : outcome.chain) {
            const bool first = record.owner == q.request.name;
            q.reply.answer.push_back(
                {.owner = first ? q.asked_name() : q.arena().copy(record.owner.wire()),
                 .type = record.type,
                 .ttl = record.ttl - age,
                 .rdata = q.arena().copy(record.rdata)});
        }
        const bool direct = outcome.owner == q.request.name;
        const Bytes owner = direct ? q.asked_name() : q.arena().copy(outcome.owner.wire());
        for (const auto& ip : outcome.addresses) {
            q.add_address(q.reply.answer, owner, ttl, ip);
        }
    }

    Options options_;
    aa::Tally& tally_;
    PerWorker<State> state_;
};

// -- set-up

Result<net::Family> family_of(Dispenser& d) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val() == "4") return net::Family::v4;
    if (d.val() == "6") return net::Family::v6;
    return d.err(fmt::format("\"{}\" is not an IP version: 4 or 6", d.val()));
}

OptionRow family_row(std::string name, net::Family& to, std::string help) {
    return {std::move(name), "4|6", "4", std::move(help), [&to](Dispenser& d) -> Result<void> {
                const auto family = family_of(d);
                if (!family) return tl::unexpected(family.error());
                to = *family;
                return {};
            }};
}

/// "unix:///run/ipref/mapper.sock" or a path, which may be relative.
Result<void> take_mapper(Dispenser& d, std::string& to) {
    if (!d.next_arg()) return d.arg_err();
    if (d.val().find("://") == std::string::npos) {
        if (d.val().empty()) return d.err("the path of the mapper's socket is empty");
        to = d.val();
        return {};
    }
    auto path = mapper::parse_mapper_url(d.val());
    if (!path) return d.err(path.error().text);
    to = std::move(*path);
    return {};
}

/// Seconds, or a duration with a unit.
Result<void> take_ttl(Dispenser& d, uint32_t& to) {
    if (!d.next_arg()) return d.arg_err();
    const auto& text = d.val();
    const auto end = text.data() + text.size();
    int64_t seconds = 0;
    const auto [at, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || at != end) {
        const auto value = parse_duration(text);
        if (!value) return d.err(value.error().text);
        seconds = std::chrono::duration_cast<std::chrono::seconds>(*value).count();
    }
    if (seconds < 0 || seconds > kLongestTtl) {
        return d.err(fmt::format("\"{}\" is not a TTL: 0 to {} seconds", text, kLongestTtl));
    }
    to = static_cast<uint32_t>(seconds);
    return {};
}

Result<void> take_except(Dispenser& d, std::vector<Name>& to) {
    const auto names = d.remaining_tokens();
    if (names.empty()) return d.arg_err();
    for (const auto& name : names) {
        const auto zones = normalize_zone(name.text);
        if (!zones) return parse_error(name.at, zones.error().text);
        to.insert(to.end(), zones->begin(), zones->end());
    }
    return {};
}

Result<void> take_upstream(Dispenser& d, std::vector<aa::Target>& to) {
    constexpr size_t kMost = 15;
    if (!d.next_arg()) return d.arg_err();
    auto target = aa::Target::parse(d.val());
    if (!target) return d.err("upstream " + target.error().text);
    if (to.size() == kMost) return d.err(fmt::format("more than {} upstreams", kMost));
    to.push_back(std::move(*target));
    return {};
}

OptionTable option_table(Options& options) {
    auto& answerer = options.answerer;
    OptionTable table;
    table.custom({"upstream", "ADDR[:PORT]", "",
                  "Where TXT records and the gateways' addresses are looked up. Several lines: "
                  "tried in turn.",
                  [&](Dispenser& d) { return take_upstream(d, answerer.asker.upstreams); }});
    table.custom({"except", "NAME...", "", "Names under these go to the next plugin.",
                  [&](Dispenser& d) { return take_except(d, options.except); }});
    table.custom(family_row("ea-ipver", answerer.ea_family,
                            "IP version of the encoded addresses, and so of the answers."));
    table.custom(
        family_row("gw-ipver", answerer.gw_family,
                   "IP version between gateways: a gateway's name needs such an address."));
    table.custom({"mapper", "PATH", answerer.mapper.path,
                  "The gateway's socket, as a path or as unix://PATH.",
                  [&](Dispenser& d) { return take_mapper(d, answerer.mapper.path); }});
    table.custom({"mapper-protocol", "auto|protobuf|v1", "auto",
                  "What is spoken on it; auto falls back to v1.",
                  [&](Dispenser& d) -> Result<void> {
                      if (!d.next_arg()) return d.arg_err();
                      const auto protocol = mapper::parse_protocol(d.val());
                      if (!protocol) return d.err(protocol.error().text);
                      answerer.mapper.protocol = *protocol;
                      return {};
                  }});
    table.flag("dnssec", answerer.dnssec,
               "AA records count only if the upstream says that it has validated them (AD).");
    table.custom({"ttl", "MAX", "", "Answers have no longer TTL than this: seconds, or 5m.",
                  [&](Dispenser& d) { return take_ttl(d, answerer.ttl_most); }});
    return table;
}

}  // namespace

Result<void> setup_ipref(Setup& setup) {
    Options options;
    options.answerer.mapper.program = "ipref-coredns";
    auto& d = setup.tokens();
    for (unsigned uses = 0; d.next(); uses++) {
        if (uses > 0) return setup.once_error();
        const auto zones = setup.zones_or_own(d.remaining_tokens());
        if (!zones) return tl::unexpected(zones.error());
        options.zones = *zones;
        if (auto read = option_table(options).read_block(d); !read) return read;
    }
    if (options.answerer.asker.upstreams.empty()) return setup.error("missing upstream");
    options.answerer.asker.dnssec = options.answerer.dnssec;
    auto& negative = options.answerer.asker.negative;
    negative.longest = std::min(negative.longest, std::chrono::seconds(options.answerer.ttl_most));
    setup.add(std::make_unique<Ipref>(std::move(options), setup.metrics().collector<aa::Tally>()));
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin cache: answers are kept as packed messages and given again with id, flags, TTLs and the
// case of the question's name put right. Source: spec page "ipref-coredns", 2.2 and 6; RFC 2308,
// RFC 8767 (stale answers). Options: README.md beside this file.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "common/dns/random.h"
#include "common/dns/wire_message.h"
#include "resolver/plugins/cache/classify.h"
#include "resolver/plugins/cache/counters.h"
#include "resolver/plugins/cache/settings.h"
#include "resolver/plugins/cache/table.h"
#include "resolver/server/encode.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using namespace cache;
using std::chrono::seconds;

constexpr seconds kRefreshLease(10);      // in which nobody else fetches the same
constexpr size_t kMostRefreshes = 1'000;  // at a time, a worker
constexpr size_t kMostNote = 256;         // bytes of an extended error that are kept

/// An entry's answer in the memory of a query.
struct Copy {
    About about;
    Bytes message;
    Bytes note;
};

/// What the table has for a question.
struct Found {
    enum class What : uint8_t { nothing, fresh, failed } what = What::nothing;
    Copy copy;
    bool prefetch = false;
    std::optional<Copy> stale;
    bool recheck = false;  // the stale one may be fetched anew
};

/// The client that a fetch was begun for, by number; 0: none waits.
struct Refresh {
    bool is_one = false;
    uint64_t waiting = 0;
};

/// A client that hears a stale answer if a fresh one does not come in time.
struct Waiting {
    Waiting(run::Loop& loop, Query& q, const Copy& the_stale, std::function<void()> on_time)
        : client(q), stale(the_stale), timer(loop, std::move(on_time)) {}
    Query& client;
    Copy stale;
    run::Timer timer;
};

void put32(uint8_t* at, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<uint8_t>(value >> shift);
}

/// Offsets of the TTLs in a message of our own making.
void find_ttls(Bytes message, std::vector<uint16_t>& out) {
    constexpr size_t kTtlAndLength = 6;
    out.clear();
    dns::MessageReader reader(message);
    while (const auto record = reader.record()) {
        out.push_back(static_cast<uint16_t>(record->rdata_at - kTtlAndLength));
    }
}

class Cache final : public Handler {
  public:
    Cache(Settings settings, const BlockSettings& block, run::Metrics& metrics)
        : settings_(std::move(settings)),
          block_(block),
          metrics_(metrics),
          table_(settings_.limits()) {
        std::vector<std::string> names;
        for (const auto& zone : settings_.zones) names.push_back(zone.str());
        zones_ = fmt::format("{}", fmt::join(names, ","));
    }

    std::string_view name() const override { return "cache"; }

    Result<void> start(Worker& worker) override {
        state_.make(worker, CountersByServer(metrics_, zones_, block_.view));
        return {};
    }

    void stop(Worker& worker) override {
        const auto waiting = std::move(state_[worker].waiting);
        state_.drop(worker);
        for (const auto& [number, one] : waiting) one->client.fail(dns::rcode::kServFail);
    }

    Step handle(Query& q) override {
        if (!is_for_cache(q.request)) return Step::next;
        if (longest_zone(settings_.zones, q.request.lower) == nullptr) return Step::next;
        auto& state = state_[q.worker()];
        auto& counters = state.counters.of(q.server());
        counters.requests.add();
        const Found found = look_up(q);
        switch (found.what) {
            case Found::What::fresh:
                if (found.prefetch && begin_refresh(q)) counters.prefetches.add();
                counters.hits[static_cast<size_t>(found.copy.about.kind)]->add();
                answer(q, found.copy);
                return Step::done;
            case Found::What::failed:
                counters.hits[static_cast<size_t>(Kind::denial)]->add();
                if (found.stale) return stale_at_once(q, found);
                answer(q, found.copy);
                return Step::done;
            case Found::What::nothing:
                break;
        }
        counters.misses.add();
        if (!found.stale) return Step::watch;
        if (!settings_.verify || !found.recheck) return stale_at_once(q, found);
        return verify(q, *found.stale);
    }

    Step answered(Query& q) override {
        const Refresh refresh = q.state<Refresh>(*this);
        bool good = false;
        if (q.outcome() != Query::Outcome::dropped) good = keep(q);
        if (refresh.is_one) {
            end_refresh(q, refresh, good);
        } else if (!good && q.outcome() == Query::Outcome::failed) {
            unchecked_instead(q);
        }
        return Step::done;
    }

    std::string explain() const override {
        return fmt::format("zones {}, at most {} s", zones_, settings_.of(Kind::success).ttl_most);
    }

  private:
    /// What one worker holds.
    struct State {
        explicit State(CountersByServer the_counters) : counters(std::move(the_counters)) {}
        CountersByServer counters;
        std::unordered_map<uint64_t, std::unique_ptr<Waiting>> waiting;
        uint64_t next = 1;
        size_t refreshes = 0;
    };

    static Key key_of(const Request& request, uint8_t flags) {
        return {request.lower.wire(), request.type, request.klass, flags};
    }
    static uint8_t flags_of(const Request& request) {
        uint8_t flags = 0;
        if (request.edns.dnssec_ok) flags |= Key::kDnssecOk;
        if (request.cd) flags |= Key::kCheckingDisabled;
        return flags;
    }

    // -- from the table

    /// Calls `see` with the flags of each entry that may be given to this client, its own first,
    /// until it says true. A client without DO can be given what was fetched with it, without the
    /// signatures; one that wants no checking, what was checked. The other way round neither.
    template <typename See>
    static bool any_usable(const Request& request, See&& see) {
        const uint8_t own = flags_of(request);
        for (const uint8_t more_dnssec : {uint8_t{0}, Key::kDnssecOk}) {
            if ((own & more_dnssec) != 0) continue;
            for (const uint8_t less_cd : {uint8_t{0}, Key::kCheckingDisabled}) {
                if (less_cd != 0 && (own & less_cd) == 0) continue;
                if (see(static_cast<uint8_t>((own | more_dnssec) & ~less_cd))) return true;
            }
        }
        return false;
    }

    Found look_up(Query& q) {
        Found found;
        const uint8_t own = flags_of(q.request);
        const bool fresh = any_usable(q.request, [&](uint8_t flags) {
            look_at(q, flags, found);
            return found.what == Found::What::fresh;
        });
        if (fresh || settings_.servfail.count() == 0) return found;
        table_.visit(key_of(q.request, own | Key::kFailure), [&](Entry& entry) {
            if (q.arrived() >= entry.about.expires) return;
            found.what = Found::What::failed;
            found.copy = copy(q, entry, 0);
        });
        return found;
    }

    void look_at(Query& q, uint8_t flags, Found& found) {
        const Time now = q.arrived();
        table_.visit(key_of(q.request, flags), [&](Entry& entry) {
            const About& about = entry.about;
            if (now < about.expires) {
                const auto age = std::chrono::duration_cast<seconds>(now - about.stored);
                const auto left =
                    about.ttl - static_cast<uint32_t>(std::max(age, seconds(0)).count());
                found.what = Found::What::fresh;
                found.copy = copy(q, entry, settings_.keep_ttl ? about.ttl : left);
                found.prefetch = is_due(entry, now, left);
            } else if (!found.stale && now < about.expires + settings_.stale_for) {
                found.stale = copy(q, entry, settings_.stale_ttl);
                found.recheck = now >= entry.not_before;
                if (found.recheck && !settings_.verify) entry.not_before = now + kRefreshLease;
            }
        });
    }

    /// Whether it is popular and near its end; whoever is told so fetches it.
    bool is_due(Entry& entry, Time now, uint32_t left) const {
        if (settings_.prefetch_hits == 0) return false;
        if (now - entry.last_hit > settings_.prefetch_gap) entry.hits = 0;
        entry.last_hit = now;
        if (entry.hits < UINT32_MAX) entry.hits++;
        // Spread over the second half of that time, so that what came together does not go so.
        const uint64_t whole = uint64_t{entry.about.ttl} * settings_.prefetch_percent * 512;
        const uint64_t threshold =
            whole - uint64_t{entry.about.ttl} * settings_.prefetch_percent * entry.about.spread;
        const bool near = uint64_t{left} * 100 * 512 <= threshold;
        if (!near || entry.hits < settings_.prefetch_hits || now < entry.not_before) return false;
        entry.not_before = now + kRefreshLease;
        return true;
    }

    /// The entry's answer for this client, every TTL as given.
    static Copy copy(Query& q, const Entry& entry, uint32_t ttl) {
        const Bytes from = entry.message();
        const auto to = q.arena().room(from.size());
        std::memcpy(to.data(), from.data(), from.size());
        const auto name = q.request.name.wire();
        std::memcpy(to.data() + dns::kHeaderSize, name.data(), name.size());
        for (size_t i = 0; i < entry.ttls(); i++) put32(to.data() + entry.ttl_at(i), ttl);
        return {entry.about, to, q.arena().copy(entry.note())};
    }

    static void answer(Query& q, const Copy& from) {
        Reply& reply = q.reply;
        const About& about = from.about;
        reply.rcode = about.rcode;
        reply.aa = about.aa;
        reply.ra = about.ra;
        reply.ad = about.ad && (q.request.ad || q.request.edns.dnssec_ok);
        reply.packed = {from.message, about.plain, about.kind == Kind::denial};
        reply.plugin = "cache";
        if (!from.note.empty()) reply.options.push_back({dns::option::kExtendedError, from.note});
        if (!about.dnssec || q.request.edns.dnssec_ok) return;
        q.unpack();
        strip_dnssec(reply, q.request.type);
    }

    // -- stale answers (RFC 8767)

    Step stale_at_once(Query& q, const Found& found) {
        if (found.recheck) begin_refresh(q);
        answer_stale(q, *found.stale);
        return Step::done;
    }

    void answer_stale(Query& q, const Copy& stale) {
        state_[q.worker()].counters.of(q.server()).stale.add();
        answer(q, stale);
        q.reply.aa = false;
        q.reply.options.clear();
        const bool nothing = stale.about.rcode == dns::rcode::kNxDomain;
        q.add_extended_error(nothing ? dns::ede::kStaleNxDomain : dns::ede::kStaleAnswer, {});
    }

    Step verify(Query& q, const Copy& stale) {
        auto& state = state_[q.worker()];
        const uint64_t number = state.next++;
        if (!begin_refresh(q, number)) {
            answer_stale(q, stale);
            return Step::done;
        }
        auto on_time = [this, &worker = q.worker(), number] {
            auto& waiting = state_[worker].waiting;
            const auto at = waiting.find(number);
            const auto one = std::move(at->second);
            waiting.erase(at);
            answer_stale(one->client, one->stale);
            one->client.finish();
        };
        auto one = std::make_unique<Waiting>(q.worker().loop(), q, stale, std::move(on_time));
        one->timer.start(settings_.patience);
        state.waiting.emplace(number, std::move(one));
        return Step::later;
    }

    /// False: too many are on their way.
    bool begin_refresh(Query& q, uint64_t waiting = 0) {
        auto& state = state_[q.worker()];
        if (state.refreshes >= kMostRefreshes) return false;
        state.refreshes++;
        q.ask_again().state<Refresh>(*this) = {true, waiting};
        return true;
    }

    void end_refresh(Query& q, const Refresh& refresh, bool good) {
        auto& state = state_[q.worker()];
        state.refreshes--;
        if (!good) postpone(q);
        const auto at = state.waiting.find(refresh.waiting);
        if (at == state.waiting.end()) return;
        Waiting& one = *at->second;
        one.timer.stop();
        Query& client = one.client;
        if (good &&
            q.reply.is_packed()) {  // asked with the client's own flags: nothing to take out
            const Kind kind = q.reply.packed.denial ? Kind::denial : Kind::success;
            const auto about = about_of(q, kind, {}, seconds(0));
            answer(client, {about, client.arena().copy(q.reply.packed.message), {}});
        } else {
            answer_stale(client, one.stale);
        }
        // It waits until then: stop() may come first.
        client.defer([this, &client, number = refresh.waiting] {
            state_[client.worker()].waiting.erase(number);
            client.finish();
        });
    }

    /// Nobody has a fresh answer: not to be asked for in a while.
    void postpone(Query& q) {
        const Time until = q.worker().now() + settings_.recheck;
        any_usable(q.request, [&](uint8_t flags) {
            table_.visit(key_of(q.request, flags), [&](Entry& entry) { entry.not_before = until; });
            return false;
        });
    }

    /// When nobody can be reached, what was fetched without checking serves all, without the AD
    /// bit. Not when somebody said SERVFAIL: that may be what the check has found.
    void unchecked_instead(Query& q) {
        if (q.request.cd) return;
        const uint8_t flags = flags_of(q.request) | Key::kCheckingDisabled;
        Found found;
        look_at(q, flags, found);
        if (found.what != Found::What::fresh) return;
        found.copy.about.ad = false;
        q.recovered();
        answer(q, found.copy);
    }

    // -- into the table

    bool is_disabled(Kind kind, const Query& q) const {
        return longest_zone(settings_.of(kind).disabled, q.request.lower) != nullptr;
    }

    /// Keeps the answer if it may be kept. Whether it is one that a client can be given.
    bool keep(Query& q) {
        const auto verdict = classify(q.request, q.reply);
        switch (verdict.what) {
            case Class::nothing:
                return false;
            case Class::stranger:
                state_[q.worker()].counters.of(q.server()).drops.add();
                return false;
            case Class::failure:
                keep_failure(q);
                return false;
            case Class::success:
            case Class::denial:
                if (is_outdone(q)) return false;
                keep_data(q, verdict);
                return true;
        }
        return false;
    }

    /// serve_stale_policy prefer_positive: nothing that does not answer the question takes the
    /// place of an answer that may still be served, fresh or stale.
    bool is_outdone(const Query& q) {
        if (!settings_.prefer_positive || answers(q.request, q.reply)) return false;
        const Time now = q.worker().now();
        return any_usable(q.request, [&](uint8_t flags) {
            bool better = false;
            table_.visit(key_of(q.request, flags), [&](const Entry& entry) {
                better = entry.about.answers && now < entry.about.expires + settings_.stale_for;
            });
            return better;
        });
    }

    static About about_of(const Query& q, Kind kind, Time now, std::chrono::nanoseconds time) {
        About about;
        about.kind = kind;
        about.rcode = static_cast<uint8_t>(q.reply.rcode);
        about.aa = q.reply.aa;
        about.ra = q.reply.ra;
        about.ad = q.reply.ad;
        about.plain = static_cast<uint32_t>(reply_size(q.request, q.reply));
        about.stored = now;
        about.expires = now + time;
        about.spread = static_cast<uint8_t>(dns::random_below(256));
        return about;
    }

    void keep_failure(Query& q) {
        std::chrono::nanoseconds time = settings_.servfail;
        if (q.reply.keep) time = std::min<std::chrono::nanoseconds>(time, seconds(*q.reply.keep));
        if (time.count() == 0 || is_disabled(Kind::denial, q)) return;
        auto about = about_of(q, Kind::denial, q.worker().now(), time);
        about.aa = about.ad = false;
        store(q, flags_of(q.request) | Key::kFailure, about);
    }

    uint32_t bounded(const Query& q, Kind kind, uint32_t ttl) const {
        const auto& bounds = settings_.of(kind);
        if (q.reply.keep) return std::min({ttl, *q.reply.keep, bounds.ttl_most});
        return std::clamp(ttl, bounds.ttl_least, bounds.ttl_most);
    }

    /// Client and table get the same: every TTL is that of the whole.
    void keep_data(Query& q, const Verdict& verdict) {
        const Kind kind = verdict.what == Class::success ? Kind::success : Kind::denial;
        const uint32_t ttl = bounded(q, kind, verdict.ttl);
        auto about = about_of(q, kind, q.worker().now(), seconds(ttl));
        about.ttl = ttl;
        about.dnssec = has_dnssec(q.reply, q.request.type);
        about.answers = settings_.prefer_positive && answers(q.request, q.reply);
        for (auto* section : {&q.reply.answer, &q.reply.authority, &q.reply.additional}) {
            for (auto& record : *section) record.ttl = ttl;
        }
        if (is_disabled(kind, q)) return;
        const auto message = store(q, flags_of(q.request), about);
        if (message.empty()) return;
        if (settings_.servfail.count() > 0) {
            table_.remove(key_of(q.request, flags_of(q.request) | Key::kFailure));
        }
        q.reply.packed = {q.arena().copy(message), about.plain, kind == Kind::denial};
    }

    /// The reply as it was packed, valid until the next one on this thread; empty if it is too
    /// large for a message.
    Bytes store(Query& q, uint8_t flags, const About& about) {
        thread_local std::array<uint8_t, dns::kMaxMessage> space;
        thread_local std::vector<uint16_t> ttls;
        const size_t size = encode_packed(q.request, q.reply, space);
        if (size == 0) return {};
        const auto message = std::span(space).first(size);
        find_ttls(message, ttls);
        Bytes note;
        for (const auto& option : q.reply.options) {
            const bool short_error =
                option.code == dns::option::kExtendedError && option.data.size() <= kMostNote;
            if (short_error) note = option.data;
        }
        if (about.expires > about.stored) {
            const auto pushed = table_.store(key_of(q.request, flags), about, message, ttls, note);
            auto& counters = state_[q.worker()].counters.of(q.server());
            for (size_t kind = 0; kind < kKinds; kind++) {
                if (pushed[kind] > 0) counters.evictions[kind]->add(pushed[kind]);
                counters.entries[kind]->set(
                    static_cast<double>(table_.entries(static_cast<Kind>(kind))));
            }
        }
        return message;
    }

    Settings settings_;
    const BlockSettings& block_;
    run::Metrics& metrics_;
    std::string zones_;
    Table table_;
    PerWorker<State> state_;
};

}  // namespace

Result<void> setup_cache(Setup& setup) {
    auto settings = parse_settings(setup);
    if (!settings) return tl::unexpected(settings.error());
    setup.add(std::make_unique<Cache>(std::move(*settings), setup.settings(), setup.metrics()));
    return {};
}

}  // namespace ipref::resolver

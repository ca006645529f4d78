// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/loop_world.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "common/run/unix_time.h"
#include "dns-agent/names_file.h"
#include "dns-agent/query_fetch.h"
#include "dns-agent/zone_fetch.h"

namespace ipref::agent {

namespace {

class LoopAlarm : public Alarm {
  public:
    LoopAlarm(run::Loop& loop, std::function<void()> callback)
        : timer_(loop, std::move(callback)) {}
    void start(Milliseconds after) override { timer_.start(after); }
    void stop() override { timer_.stop(); }
    bool active() const override { return timer_.active(); }

  private:
    run::Timer timer_;
};

}  // namespace

LoopWorld::LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver,
                     WorldSettings settings)
    : loop_(loop),
      resolver_(std::move(resolver)),
      settings_(std::move(settings)),
      local_zones_(loop, settings_.local_servers),
      trust_(loop, settings_.resolvers, settings_.anchors.value_or(dns::TrustAnchors{})),
      turn_(loop, [this] { take_turn(); }) {}

LoopWorld::~LoopWorld() = default;

double LoopWorld::chance() {
    return static_cast<double>(chance_()) /
           (static_cast<double>(std::numeric_limits<std::random_device::result_type>::max()) + 1);
}

std::unique_ptr<Alarm> LoopWorld::alarm(std::function<void()> callback) {
    return std::make_unique<LoopAlarm>(loop_, std::move(callback));
}

int64_t LoopWorld::unix_time() {
    return run::unix_time();
}

/// One fetch from a server, whose addresses are tried in turn while they do not answer. Whatever it
/// waits for, there is an end to it.
struct LoopWorld::Attempt {
    Server server;
    Source source;
    Known known;
    FetchCallback callback;
    std::vector<dns::Name> names;  ///< to ask for, if it is asked by queries
    Addresses addresses;
    size_t next = 0;
    std::shared_ptr<const dns::TrustAnchors> anchors;  ///< if the zone must be signed
    std::unique_ptr<run::Timer> deadline = nullptr;
    const Fetch* under_way = nullptr;
    bool over = false;  ///< what is still on its way to it comes too late

    void end(FetchResult result) {
        over = true;
        deadline->stop();
        callback(std::move(result));
    }
    void fail(std::string why) { end(tl::unexpected(TransferError{false, std::move(why), false})); }
};

void LoopWorld::fetch(const Server& server, const Source& source, const Known& known,
                      FetchCallback callback) {
    auto attempt = std::make_shared<Attempt>(
        Attempt{server, source, known, std::move(callback), {}, {}, 0, nullptr});
    attempt->deadline = std::make_unique<run::Timer>(loop_, [this, late = std::weak_ptr(attempt)] {
        if (const auto one = late.lock()) overdue(one);
    });
    attempt->deadline->start(settings_.limits.whole + settings_.grace);
    if (!settings_.anchors) return prepare(std::move(attempt));
    trust_.get(source.public_zone, [this, attempt](const Trust::Outcome& anchors) {
        if (attempt->over) return;
        if (!anchors) return attempt->fail(anchors.error());
        attempt->anchors = *anchors;
        prepare(attempt);
    });
}

/// From the timer's callback, in which the attempt must not go: it ends in the next turn.
void LoopWorld::overdue(std::shared_ptr<Attempt> attempt) {
    attempt->over = true;
    fetches_.remove_if([&](const auto& one) { return one.get() == attempt->under_way; });
    const auto seconds = static_cast<double>(settings_.limits.whole.count()) / 1000;
    soon([attempt, why = fmt::format("the poll as a whole takes more than {:g} s", seconds)] {
        attempt->end(tl::unexpected(TransferError{
            .gone = false, .text = why, .answered = false, .limit = TransferError::Limit::whole}));
    });
}

void LoopWorld::prepare(std::shared_ptr<Attempt> attempt) {
    if (attempt->server.by_query) return find_names(std::move(attempt));
    begin(std::move(attempt));
}

void LoopWorld::find_names(std::shared_ptr<Attempt> attempt) {
    const auto& source = attempt->source;
    if (settings_.names_path.empty()) {
        return local_zones_.get(
            source.local, LocalZones::Ask::always,
            [this, attempt](const LocalZones::Answer& local) { take_names(attempt, local); });
    }
    auto names = read_names(settings_.names_path, source.public_zone);
    if (!names) return soon([attempt, why = names.error().text] { attempt->fail(why); });
    attempt->names = std::move(*names);
    begin(std::move(attempt));
}

void LoopWorld::take_names(std::shared_ptr<Attempt> attempt, const LocalZones::Answer& local) {
    if (attempt->over) return;
    if (!local) {
        return attempt->fail(local.error().text +
                             "; the names to ask for can come from a file (-names)");
    }
    attempt->names = (*local)->names_under(attempt->source.public_zone);
    if (attempt->names.size() > kMostNames) {
        return attempt->fail(fmt::format("{} has more than {} names to ask for",
                                         attempt->source.local.str(), kMostNames));
    }
    begin(std::move(attempt));
}

/// In a turn of the loop of its own.
void LoopWorld::soon(std::function<void()> what) {
    soon_.push_back(std::move(what));
    turn_.start(Milliseconds(0));
}

void LoopWorld::take_turn() {
    fetches_.remove_if([](const auto& one) { return one->finished(); });
    const auto due = std::move(soon_);
    soon_.clear();
    for (const auto& one : due) one();
}

void LoopWorld::begin(std::shared_ptr<Attempt> attempt) {
    if (const auto ip = net::Ip::parse(attempt->server.host)) {
        attempt->addresses = {*ip};
        return next_address(std::move(attempt));
    }
    find_addresses(std::move(attempt), dns::rr::kA);
}

void LoopWorld::find_addresses(std::shared_ptr<Attempt> attempt, uint16_t type) {
    resolver_->query(dns::Name::parse(attempt->server.host).value(), type,
                     [this, attempt, type](const Result<dns::Answer>& answer) {
                         if (attempt->over) return;
                         auto& found = attempt->addresses;
                         if (answer) {
                             const auto ips = answer->ips();
                             found.insert(found.end(), ips.begin(), ips.end());
                         }
                         if (type == dns::rr::kA) return find_addresses(attempt, dns::rr::kAaaa);
                         if (!found.empty()) {
                             addresses_[attempt->server.host] = found;
                             return next_address(attempt);
                         }
                         const auto why = answer ? "it has no address" : answer.error().text;
                         attempt->fail(fmt::format("{}: {}", attempt->server.host, why));
                     });
}

void LoopWorld::next_address(std::shared_ptr<Attempt> attempt) {
    const net::Endpoint at{attempt->addresses[attempt->next++], attempt->server.port};
    fetches_.push_back(make_fetch(*attempt, at, [this, attempt](FetchResult result) {
        turn_.start(Milliseconds(0));
        attempt->under_way = nullptr;
        const bool silent = !result && !result.error().answered && !result.error().gone;
        if (silent && attempt->next < attempt->addresses.size()) return next_address(attempt);
        attempt->end(std::move(result));
    }));
    attempt->under_way = fetches_.back().get();
}

std::unique_ptr<Fetch> LoopWorld::make_fetch(const Attempt& attempt, const net::Endpoint& at,
                                             FetchCallback callback) {
    const auto& zone = attempt.source.public_zone;
    if (!attempt.server.by_query) {
        return std::make_unique<ZoneFetch>(
            loop_,
            ZoneFetch::Target{.server = at,
                              .zone = zone,
                              .have = attempt.known.zone,
                              .key = settings_.tsig ? &*settings_.tsig : nullptr,
                              .limits = settings_.limits,
                              .anchors = attempt.anchors,
                              .signed_until = attempt.known.signed_until},
            std::move(callback));
    }
    QueryFetch::Target target;
    target.server = at;
    target.zone = zone;
    target.names = attempt.names;
    target.have = attempt.known.zone;
    target.cache = attempt.known.answers;
    target.whole = settings_.limits.whole;
    target.key = settings_.tsig && settings_.tsig_queries ? &*settings_.tsig : nullptr;
    target.anchors = attempt.anchors;
    target.longest = settings_.interval * 3 / 4;  // the earliest regular poll
    return std::make_unique<QueryFetch>(loop_, std::move(target), std::move(callback));
}

bool LoopWorld::is_address_of(const Server& server, const net::Ip& ip) const {
    if (const auto literal = net::Ip::parse(server.host)) return *literal == ip;
    const auto found = addresses_.find(server.host);
    return found != addresses_.end() &&
           std::find(found->second.begin(), found->second.end(), ip) != found->second.end();
}

void LoopWorld::look_up(const dns::Name& name, uint16_t type,
                        std::function<void(Result<dns::Answer>)> callback) {
    resolver_->query(name, type, std::move(callback));
}

void LoopWorld::local_zone(const dns::Name& local,
                           std::function<void(Result<std::shared_ptr<const LocalZone>>)> take) {
    if (settings_.local_servers.empty()) {
        return soon([take] { take(fail("no -resolver is given to transfer it from")); });
    }
    local_zones_.get(local, LocalZones::Ask::unless_refused,
                     [this, local, take](const LocalZones::Answer& zone) {
                         const auto why = zone ? "" : zone.error().text;
                         auto& told = refusals_[local];
                         if (!why.empty() && why != told) {
                             run::log_info("{}; hosts are looked up one by one", why);
                         }
                         told = why;
                         if (zone) {
                             run::log_debug("{}: hosts' addresses come from a transfer, serial {}",
                                            local.str(), (*zone)->serial);
                         }
                         take(zone);
                     });
}

void LoopWorld::log(run::Severity severity, const std::string& text) {
    if (run::log_enabled(severity)) run::log_line(severity, text);
}

}  // namespace ipref::agent

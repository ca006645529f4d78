// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/follower.h"

#include <algorithm>

namespace ipref::agent {

using run::Severity;

namespace {

constexpr size_t kWarningsTold = 20;  // of one look-up run; more are counted

std::string addresses_of(const Found& found) {
    if (found.ips.empty()) return "has no address";
    std::string text = found.ips.size() == 1 ? "has address" : "has addresses";
    for (const auto& ip : found.ips) text += " " + ip.str();
    return text;
}

}  // namespace

Follower::Follower(World& world, Mapper& mapper, run::Metrics& metrics, Source source,
                   Families families, Milliseconds interval)
    : world_(world),
      mapper_(mapper),
      source_(std::move(source)),
      families_(families),
      interval_(interval),
      publisher_(world, mapper, source_.id(), interval, [this] { tell(); }),
      hosts_(
          metrics.gauge("ipref_dns_agent_hosts", "Hosts published.", {{"source", source_.str()}})),
      skipped_(metrics.gauge("ipref_dns_agent_skipped_records",
                             "AA records that could not be published.",
                             {{"source", source_.str()}})),
      later_(world.alarm([this] { evaluate(); })),
      refresh_(world.alarm([this] { refresh(); })),
      unanswered_(interval),
      settled_(world.alarm([this] {
          publish(unsettled_);
          tell();
      })) {
    for (const auto& server : source_.servers) {
        polls_.push_back(std::make_unique<ServerPoll>(world, metrics, source_, server, interval,
                                                      [this] { heard(); }));
    }
}

Follower::~Follower() = default;

void Follower::start() {
    for (const auto& one : polls_) one->now();
    tell();
}

void Follower::connected() {
    reported_.reset();
    publisher_.connected();
    tell();
}

void Follower::notified() {
    for (const auto& one : polls_) one->now();
}

void Follower::retire() {
    retired_ = true;
    polls_.clear();
    later_->stop();
    refresh_->stop();
    run_.reset();
    unsettle();
    hosts_.set(0);
    skipped_.set(0);
    publisher_.withdraw();
    mapper::SourceReport last;
    last.source = source_.id();
    last.given_up = true;
    mapper_.report(last);
}

void Follower::heard() {
    publisher_.poll();
    evaluate();
    tell();
}

// ---- votes

void Follower::evaluate() {
    if (looking_up_) {
        again_ = true;
        return;
    }
    std::vector<Vote> votes;
    for (const auto& one : polls_) votes.push_back({one->server().str(), one->zone()});
    const auto verdict = quorum(votes);
    hasten_those_behind();
    if (!verdict.zone) return no_quorum(verdict);
    tell_differences(verdict);
    const bool same = zone_ && zone_->entries == verdict.zone->entries;
    if (same && world_.now() - looked_up_at_ < interval_ / 2) return;
    look_up(verdict.zone);
}

/// A change reaches one server before the other: who is behind is asked again soon.
void Follower::hasten_those_behind() {
    const Zone* newest = nullptr;
    for (const auto& one : polls_) {
        const auto* zone = one->zone().get();
        if (zone == nullptr || zone->gone) continue;
        if (newest == nullptr || dns::newer_serial(zone->serial, newest->serial)) newest = zone;
    }
    for (const auto& one : polls_) {
        const auto* zone = one->zone().get();
        if (zone == nullptr || zone->gone || zone->entries == newest->entries) continue;
        if (dns::newer_serial(newest->serial, zone->serial)) one->hasten();
    }
}

void Follower::tell_differences(const Verdict& verdict) {
    std::string text;
    for (const auto& one : verdict.differences) text += (text.empty() ? "" : "; ") + one;
    if (!text.empty() && text != told_) {
        log(Severity::warning,
            fmt::format("{} of {} servers agree: {}", verdict.votes, polls_.size(), text));
    }
    told_ = text;
}

void Follower::no_quorum(const Verdict& verdict) {
    const bool all =
        std::all_of(polls_.begin(), polls_.end(), [](const auto& one) { return one->heard(); });
    if (!all || verdict.votes == 0) return;  // none at all: each failure was told
    auto text = fmt::format("no majority: {} of {} servers agree, {} are needed{}", verdict.votes,
                            polls_.size(), verdict.needed,
                            publisher_.current() ? "; the last good set is kept" : "");
    for (const auto& one : verdict.differences) text += "; " + one;
    if (text != told_) log(Severity::warning, text);
    told_ = text;
}

// ---- look-ups

void Follower::look_up(std::shared_ptr<const Zone> zone) {
    zone_ = std::move(zone);
    looked_up_at_ = world_.now();
    run_look_ups(wanted_names(*zone_, source_.local), std::move(found_), &Follower::looked_up);
}

void Follower::run_look_ups(Wanted wanted, LookUps before, void (Follower::*then)(LookUps)) {
    looking_up_ = true;
    refresh_->stop();
    finished_.reset();
    run_ = std::make_unique<LookUpRun>(
        world_, source_.local, std::move(wanted), families_, std::move(before),
        [this, then](LookUps found, const std::vector<std::string>& warnings) {
            finished_ = std::move(run_);
            looking_up_ = false;
            warn_some(warnings);
            (this->*then)(std::move(found));
            await_refresh();
            if (again_) later_->start(Milliseconds(0));
            again_ = false;
        });
    run_->start();
}

void Follower::looked_up(LookUps found) {
    found_ = std::move(found);
    publish_matches();
}

void Follower::publish_matches() {
    auto matched = match(*zone_, source_.local, families_, found_);
    warn_some(matched.warnings);
    skipped_records_ = matched.warnings.size();
    skipped_.set(static_cast<double>(skipped_records_));
    adopt(std::move(matched.hosts));
    tell();
}

// ---- what cannot wait for the next poll

void Follower::await_refresh() {
    std::optional<Milliseconds> next;
    bool unanswered = false;
    for (const auto* part : {&found_.hosts, &found_.gateways}) {
        for (const auto& [name, found] : *part) {
            unanswered |= found.unanswered;
            if (found.until) next = std::min(next.value_or(*found.until), *found.until);
        }
    }
    if (unanswered) {
        const auto again = world_.now() + unanswered_.next();
        next = std::min(next.value_or(again), again);
    } else {
        unanswered_.reset();
    }
    if (next) refresh_->start(std::max(Milliseconds(0), *next - world_.now()));
}

/// Gateways whose TTL is over, and whatever had no answer.
void Follower::refresh() {
    Wanted wanted;
    LookUps before;
    const auto now = world_.now();
    const auto add = [&](const auto& all, auto& names, auto& known) {
        for (const auto& [name, found] : all) {
            if (!found.unanswered && (!found.until || *found.until > now)) continue;
            names.push_back(name);
            known.emplace(name, found);
        }
    };
    add(found_.hosts, wanted.hosts, before.hosts);
    add(found_.gateways, wanted.gateways, before.gateways);
    run_look_ups(std::move(wanted), std::move(before), &Follower::refreshed);
}

void Follower::refreshed(LookUps found) {
    bool changed = false;
    const auto merge = [&](auto& fresh, auto& into) {
        for (auto& [name, one] : fresh) {
            auto& old = into[name];
            if (old.ips != one.ips) {
                changed = true;
                log(Severity::info, fmt::format("{} {}; before, it {}", name, addresses_of(one),
                                                addresses_of(old)));
            }
            old = std::move(one);
        }
    };
    merge(found.hosts, found_.hosts);
    merge(found.gateways, found_.gateways);
    if (changed) publish_matches();
}

void Follower::adopt(std::vector<wire::Host> hosts) {
    if (hosts.empty()) return nothing_left();
    empty_since_.reset();
    empty_.clear();
    const auto id = source_.id();
    auto set = std::make_shared<wire::HostSet>();
    set->local_domain = id.local_domain;
    set->public_domain = id.public_domain;
    set->hosts = std::move(hosts);
    set->hash = wire::hash_of(set->hosts);
    if (unsettled_ && unsettled_->hash == set->hash) return;
    const auto hold = damper_.judge(set->hash, world_.now());
    const auto& current = publisher_.current();
    const bool published = current && current->hash == set->hash;
    if (published || hold == Milliseconds(0)) return publish(std::move(set));
    settle(std::move(set), hold);
}

/// The zone goes back and forth: traffic is not to do the same.
void Follower::settle(std::shared_ptr<const wire::HostSet> set, Milliseconds hold) {
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(hold);
    held_back_ = fmt::format(
        "the zone goes back and forth; {} published when {} stayed for {} s",
        run::counted(set->hosts.size(), "host") + (set->hosts.size() == 1 ? " is" : " are"),
        set->hosts.size() == 1 ? "it has" : "they have", wait.count());
    log(Severity::warning, held_back_);
    unsettled_ = std::move(set);
    settled_->start(hold);
}

void Follower::publish(std::shared_ptr<const wire::HostSet> set) {
    unsettle();
    hosts_.set(static_cast<double>(set->hosts.size()));
    publisher_.set(std::move(set));
}

void Follower::unsettle() {
    settled_->stop();
    unsettled_.reset();
    held_back_.clear();
}

/// An empty zone may be somebody's mistake, soon to be mended: it counts from the next poll on.
void Follower::nothing_left() {
    unsettle();
    const auto now = world_.now();
    if (!empty_since_) {
        empty_since_ = now;
        empty_ = zone_->gone ? "the zone is gone" : "the zone publishes no host";
        log(Severity::warning,
            fmt::format("{}; {} until the next poll", empty_,
                        publisher_.current() ? "the last good set is kept" : "nothing is changed"));
        return;
    }
    if (now - *empty_since_ < interval_ / 2) return;
    if (publisher_.current()) log(Severity::warning, "still no host: withdrawing the source");
    hosts_.set(0);
    publisher_.withdraw();
}

// ---- what others are told

Follower::Report Follower::report() const {
    Report report{.servers = {},
                  .hosts = publisher_.current() ? publisher_.current()->hosts.size() : 0,
                  .skipped = skipped_records_,
                  .trouble = told_};
    const auto add = [&](const std::string& more) {
        if (!more.empty()) report.trouble += (report.trouble.empty() ? "" : "; ") + more;
    };
    for (const auto& one : polls_) {
        const auto& status = report.servers.emplace_back(one->status());
        if (!status.unanswered.empty()) add(status.server + ": " + status.unanswered);
    }
    for (const auto* more : {&empty_, &held_back_, &publisher_.trouble()}) add(*more);
    return report;
}

void Follower::tell() {
    if (retired_) return;
    auto now = report();
    if (now == reported_) return;
    const auto since = [&](Milliseconds from, Milliseconds to) {
        return std::chrono::duration_cast<std::chrono::seconds>(
            std::max(Milliseconds(0), to - from));
    };
    mapper::SourceReport out;
    out.source = source_.id();
    out.hosts = now.hosts;
    out.skipped = now.skipped;
    out.trouble = now.trouble;
    for (const auto& one : now.servers) {
        auto& server = out.servers.emplace_back();
        server.server = one.server;
        server.serial = one.serial;
        if (one.last_success) server.succeeded_ago = since(*one.last_success, world_.now());
        if (one.next) server.next_in = since(world_.now(), *one.next);
        server.error = one.last_error;
    }
    if (mapper_.report(out)) reported_ = std::move(now);
}

// ---- log

void Follower::warn_some(const std::vector<std::string>& warnings) {
    for (size_t i = 0; i < warnings.size(); i++) {
        log(i < kWarningsTold ? Severity::warning : Severity::debug, warnings[i]);
    }
    if (warnings.size() > kWarningsTold) {
        log(Severity::warning,
            fmt::format("{} more like these; -debug tells them", warnings.size() - kWarningsTold));
    }
}

void Follower::log(Severity severity, const std::string& text) {
    world_.log(severity, fmt::format("{}: {}", source_.str(), text));
}

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/follower.h"

#include <algorithm>

namespace ipref::agent {

using run::Severity;

namespace {

constexpr size_t kWarningsTold = 20;  // of one look-up run; more are counted

}  // namespace

Follower::Follower(World& world, Mapper& mapper, run::Metrics& metrics, Source source,
                   Families families, Milliseconds interval)
    : world_(world),
      source_(std::move(source)),
      families_(families),
      interval_(interval),
      publisher_(world, mapper, source_.id(), interval),
      hosts_(
          metrics.gauge("ipref_dns_agent_hosts", "Hosts published.", {{"source", source_.str()}})),
      skipped_(metrics.gauge("ipref_dns_agent_skipped_records",
                             "AA records that could not be published.",
                             {{"source", source_.str()}})),
      later_(world.alarm([this] { evaluate(); })),
      unanswered_(interval) {
    for (const auto& server : source_.servers) {
        polls_.push_back(std::make_unique<ServerPoll>(world, metrics, source_, server, interval,
                                                      [this] { heard(); }));
    }
}

Follower::~Follower() = default;

void Follower::start() {
    for (const auto& one : polls_) one->now();
}

void Follower::notified() {
    for (const auto& one : polls_) one->now();
}

void Follower::retire() {
    polls_.clear();
    later_->stop();
    run_.reset();
    hosts_.set(0);
    skipped_.set(0);
    publisher_.withdraw();
}

void Follower::heard() {
    publisher_.poll();
    evaluate();
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
    if (same && all_answered_ && world_.now() - looked_up_at_ < interval_ / 2) return;
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
    looking_up_ = true;
    looked_up_at_ = world_.now();
    finished_.reset();
    run_ = std::make_unique<LookUpRun>(
        world_, wanted_names(*zone_, source_.local), families_, std::move(found_),
        [this](LookUps found, const std::vector<std::string>& warnings) {
            looked_up(std::move(found), warnings);
        });
    run_->start();
}

void Follower::looked_up(LookUps found, const std::vector<std::string>& warnings) {
    finished_ = std::move(run_);
    looking_up_ = false;
    found_ = std::move(found);
    warn_some(warnings);
    auto matched = match(*zone_, source_.local, families_, found_);
    warn_some(matched.warnings);
    skipped_.set(static_cast<double>(matched.warnings.size()));
    adopt(std::move(matched.hosts));
    all_answered_ = warnings.empty();
    if (all_answered_) unanswered_.reset();
    if (again_) {
        later_->start(Milliseconds(0));
    } else if (!all_answered_) {
        later_->start(unanswered_.next());
    }
    again_ = false;
}

void Follower::adopt(std::vector<wire::Host> hosts) {
    if (hosts.empty()) return nothing_left();
    empty_since_.reset();
    hosts_.set(static_cast<double>(hosts.size()));
    const auto id = source_.id();
    auto set = std::make_shared<wire::HostSet>();
    set->local_domain = id.local_domain;
    set->public_domain = id.public_domain;
    set->hosts = std::move(hosts);
    set->hash = wire::hash_of(set->hosts);
    publisher_.set(std::move(set));
}

/// An empty zone may be somebody's mistake, soon to be mended: it counts from the next poll on.
void Follower::nothing_left() {
    const auto now = world_.now();
    if (!empty_since_) {
        empty_since_ = now;
        log(Severity::warning,
            fmt::format("{}; {} until the next poll",
                        zone_->gone ? "the zone is gone" : "the zone publishes no host",
                        publisher_.current() ? "the last good set is kept" : "nothing is changed"));
        return;
    }
    if (now - *empty_since_ < interval_ / 2) return;
    if (publisher_.current()) log(Severity::warning, "still no host: withdrawing the source");
    hosts_.set(0);
    publisher_.withdraw();
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

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/server_poll.h"

#include <algorithm>

namespace ipref::agent {

using run::Severity;

namespace {

run::Labels labels_of(const Source& source, const Server& server) {
    return {
        {"zone", source.id().public_domain}, {"source", source.str()}, {"server", server.str()}};
}

/// What an operator can do about it.
std::string advice(const TransferError& error, const Source& source, const Server& server) {
    using Limit = TransferError::Limit;
    switch (error.limit) {
        case Limit::bytes:
            return "if the zone is meant to be so large, raise -max-transfer-size; ";
        case Limit::whole:
            return "if the server is meant to be so slow, raise -max-transfer-time; ";
        case Limit::silence:
            return "if the server is meant to be so slow, raise -max-transfer-idle; ";
        case Limit::none:
            break;
    }
    if (!error.answered) return "";
    if (server.by_query) {
        return fmt::format("see what it answers: dig @{} -p {} {} SOA; ", server.host, server.port,
                           source.public_zone.str());
    }
    return fmt::format("see what it gives: dig @{} -p {} {} AXFR; ", server.host, server.port,
                       source.public_zone.str());
}

}  // namespace

ServerPoll::ServerPoll(World& world, run::Metrics& metrics, const Source& source, Server server,
                       Milliseconds interval, std::function<void()> heard)
    : world_(world),
      metrics_(metrics),
      source_(source),
      server_(std::move(server)),
      interval_(interval),
      heard_(std::move(heard)),
      serial_gauge_(metrics.gauge("ipref_dns_agent_zone_serial", "Serial the server gave last.",
                                  labels_of(source, server_))),
      success_gauge_(metrics.gauge("ipref_dns_agent_zone_last_success_timestamp_seconds",
                                   "When the server last answered.", labels_of(source, server_))),
      records_gauge_(metrics.gauge("ipref_dns_agent_zone_records", "AA records in the zone.",
                                   labels_of(source, server_))),
      unanswered_gauge_(metrics.gauge(
          "ipref_dns_agent_unanswered_names",
          "Names whose question had no answer, or none that is proven, at the last poll.",
          labels_of(source, server_))),
      alarm_(world.alarm([this] { begin(); })),
      backoff_(interval),
      hasten_(interval) {
    known_.answers = std::make_shared<QueryCache>();
    for (const char* result : {"unchanged", "ixfr", "axfr", "queries", "failed"}) {
        auto labels = labels_of(source_, server_);
        labels.emplace_back("result", result);
        metrics_.counter("ipref_dns_agent_zone_transfers_total", "Polls of a server.", labels);
    }
}

ServerPoll::~ServerPoll() = default;

void ServerPoll::now() {
    if (busy_) {
        again_ = true;
        return;
    }
    const auto now = world_.now();
    const auto earliest = pace_.earliest(now);
    if (earliest <= now) return begin();
    if (!alarm_->active() || next_ > earliest) wait(earliest - now);
}

void ServerPoll::hasten() {
    if (busy_) return;
    const auto time = hasten_.next();
    if (!alarm_->active() || next_ > world_.now() + time) wait(time);
}

void ServerPoll::wait(Milliseconds time) {
    next_ = world_.now() + time;
    alarm_->start(time);
}

void ServerPoll::begin() {
    busy_ = true;
    again_ = false;
    pace_.take(world_.now());
    alarm_->stop();
    world_.fetch(server_, source_, known_,
                 [this, alive = std::weak_ptr(alive_)](FetchResult result) {
                     if (!alive.expired()) ended(std::move(result));
                 });
}

void ServerPoll::ended(FetchResult result) {
    busy_ = false;
    heard_once_ = true;
    if (result) {
        succeeded(*result);
    } else {
        failed(result.error());
    }
    if (again_) now();
    heard_();
}

void ServerPoll::succeeded(const Fetched& fetched) {
    tell_note(fetched);
    count(name_of(fetched.how));
    if (fetched.zone != known_.zone) {
        for (const auto& warning : fetched.zone->warnings) log(Severity::warning, warning);
        if (fetched.zone->more_warnings > 0) {
            log(Severity::warning,
                fmt::format("{} like these",
                            run::counted(fetched.zone->more_warnings, "more record")));
        }
        hasten_.reset();
    }
    log(Severity::debug,
        fmt::format("{}: serial {}, {}, {}", server_.str(), fetched.zone->serial,
                    run::counted(fetched.zone->entries.size(), "AA record"), name_of(fetched.how)));
    auto next = next_poll();
    if (fetched.again) next = std::min(next, *fetched.again);
    known_.signed_until = fetched.signed_until;
    take(fetched.zone, next);
}

/// What lasts is told when it changes: polls of single names may come every 10 s.
void ServerPoll::tell_note(const Fetched& fetched) {
    unanswered_gauge_.set(static_cast<double>(fetched.unanswered));
    const auto unanswered = fetched.unanswered > 0 ? fetched.note : "";
    if (fetched.unanswered == 0 && !fetched.note.empty()) {
        log(Severity::info, fmt::format("{}: {}", server_.str(), fetched.note));
    }
    if (unanswered == unanswered_) return;
    if (unanswered.empty()) {
        log(Severity::info, fmt::format("{}: all names have an answer again", server_.str()));
    } else {
        log(Severity::warning, fmt::format("{}: {}", server_.str(), unanswered));
    }
    unanswered_ = unanswered;
}

void ServerPoll::take(std::shared_ptr<const Zone> zone, Milliseconds next) {
    zone_ = known_.zone = std::move(zone);
    serial_gauge_.set(zone_->serial);
    records_gauge_.set(static_cast<double>(zone_->entries.size()));
    success_gauge_.set(static_cast<double>(world_.unix_time()));
    last_success_ = world_.now();
    last_error_.clear();
    backoff_.reset();
    wait(next);
}

void ServerPoll::failed(const TransferError& error) {
    if (error.gone) {
        log(Severity::warning, fmt::format("{} has no such zone: {}", server_.str(), error.text));
        count("gone");
        auto none = std::make_shared<Zone>();
        none->gone = true;
        take(std::move(none), next_poll());
        last_error_ = "no such zone: " + error.text;
        return;
    }
    zone_.reset();
    count("failed");
    const auto time = backoff_.next();
    last_error_ = error.text;
    log(Severity::warning,
        fmt::format("{} {} failed: {}; {}next try in {} s",
                    server_.by_query ? "asking" : "transfer from", server_.str(), error.text,
                    advice(error, source_, server_), time.count() / 1000));
    wait(time);
}

/// A quarter earlier to a quarter later, so that servers drift apart.
Milliseconds ServerPoll::next_poll() {
    return Milliseconds(static_cast<int64_t>(static_cast<double>(interval_.count()) *
                                             (0.75 + 0.5 * world_.chance())));
}

ServerPoll::Status ServerPoll::status() const {
    Status status{.server = server_.str(),
                  .serial = std::nullopt,
                  .last_success = last_success_,
                  .next = std::nullopt,
                  .last_error = last_error_,
                  .unanswered = last_error_.empty() ? unanswered_ : ""};
    if (known_.zone && !known_.zone->gone) status.serial = known_.zone->serial;
    if (!busy_) status.next = next_;
    return status;
}

void ServerPoll::count(const char* result) {
    auto labels = labels_of(source_, server_);
    labels.emplace_back("result", result);
    metrics_.counter("ipref_dns_agent_zone_transfers_total", "Polls of a server.", labels).add();
}

void ServerPoll::log(Severity severity, const std::string& text) {
    world_.log(severity, fmt::format("{}: {}", source_.str(), text));
}

}  // namespace ipref::agent

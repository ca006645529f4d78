// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/agent_reports.h"

#include <algorithm>

#include "gw/broker/session.h"

namespace ipref::gw {

namespace {

constexpr size_t kLongestText = 300;
constexpr size_t kOverhead = 256;  // of a report in memory

std::string harmless(std::string_view said) {
    std::string text(said.substr(0, kLongestText));
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

/// What is known of it, in known fields.
proto::SourceReport clean(const proto::SourceReport& said) {
    proto::SourceReport report;
    report.set_local_domain(said.local_domain());
    report.set_public_domain(said.public_domain());
    report.set_hosts(said.hosts());
    report.set_skipped(said.skipped());
    report.set_trouble(harmless(said.trouble()));
    for (const auto& one : said.servers()) {
        auto& server = *report.add_servers();
        server.set_server(harmless(one.server()));
        if (one.has_serial()) server.set_serial(one.serial());
        if (one.has_succeeded_seconds_ago()) {
            server.set_succeeded_seconds_ago(one.succeeded_seconds_ago());
        }
        if (one.has_next_in_seconds()) server.set_next_in_seconds(one.next_in_seconds());
        server.set_error(harmless(one.error()));
    }
    return report;
}

proto::SourceReport aged(proto::SourceReport report, uint64_t seconds) {
    constexpr uint64_t kLongAgo = uint64_t{1} << 40;
    for (auto& server : *report.mutable_servers()) {
        if (server.has_succeeded_seconds_ago()) {
            server.set_succeeded_seconds_ago(std::min(server.succeeded_seconds_ago(), kLongAgo) +
                                             seconds);
        }
        if (server.has_next_in_seconds()) {
            const auto in = server.next_in_seconds();
            server.set_next_in_seconds(in > seconds ? in - seconds : 0);
        }
    }
    return report;
}

}  // namespace

Result<void> AgentReports::take(const proto::SourceReport& report, Seconds now) {
    const auto name = source_name(report.local_domain(), report.public_domain());
    if (name.empty()) return fail("{}", kBadDomain);
    if (report.servers_size() > kMostServers) {
        return fail("{} servers, {} are the most", report.servers_size(), kMostServers);
    }
    if (const auto old = reports_.find(name); old != reports_.end()) {
        bytes_ -= old->second.bytes;
        reports_.erase(old);
    }
    if (report.given_up()) return {};
    Kept kept{.report = clean(report), .at = now, .bytes = 0};
    kept.bytes = kept.report.ByteSizeLong() + name.size() + kOverhead;
    if (bytes_ + kept.bytes > kMostBytes) {
        return fail("reports of more than {} bytes", kMostBytes);
    }
    bytes_ += kept.bytes;
    reports_.emplace(name, std::move(kept));
    return {};
}

uint64_t AgentReports::put(proto::Status::Agent& to, Seconds now, size_t room) const {
    uint64_t left_out = 0;
    for (const auto& [name, kept] : reports_) {
        if (kept.bytes > room) {
            left_out++;
            continue;
        }
        room -= kept.bytes;
        *to.add_sources() = aged(kept.report, now > kept.at ? now - kept.at : 0);
    }
    return left_out;
}

}  // namespace ipref::gw

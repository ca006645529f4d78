// SPDX-License-Identifier: GPL-2.0-or-later
// What `ipref-gw status` and `ipref-gw mappings` show.
#include <algorithm>
#include <array>
#include <utility>

#include "common/run/version.h"
#include "gw/broker/session.h"

namespace ipref::gw {

namespace {

using proto::Failure;

constexpr uint32_t kMostRows = 500;
constexpr size_t kCursorSize = 8;
constexpr Seconds kStale = kMappingLife - 3600;
constexpr int kMostProblems = 20;
constexpr size_t kRoom = wire::kFrameLimit - 1024;  // a page's rows; the rest is the frame

std::string cursor_bytes(uint64_t cursor) {
    std::array<uint8_t, kCursorSize> bytes{};
    wire::Writer(bytes).u64(cursor);
    return {bytes.begin(), bytes.end()};
}

Result<MappingFilter> filter_of(const proto::MappingsRequest& request) {
    MappingFilter filter;
    if (!request.host().empty()) {
        const auto ip = net::Ip::parse(request.host());
        if (!ip) return fail("host: \"{}\" is not an address", request.host().substr(0, 64));
        filter.ip = *ip;
    }
    if (!request.gw().empty()) {
        filter.gw = wire::ip_from(request.gw());
        if (!filter.gw) return fail("gw: an address has 4 or 16 bytes");
    }
    if (!request.ref().empty()) {
        filter.ref = wire::ref_from(request.ref());
        if (!filter.ref) return fail("ref: a reference has 16 bytes");
    }
    filter.owner = request.owner();
    return filter;
}

std::string name_of(const Usage& usage, const MappingConfig& config) {
    switch (usage.of) {
        case Usage::Of::remote:
            return fmt::format("encoded addresses of {}", config.encode_net(usage.family)->str());
        case Usage::Of::local:
            return fmt::format("references of our hosts under {}",
                               config.gateway(usage.family)->str());
        case Usage::Of::statics:
            return "static mappings";
        case Usage::Of::owners:
            return "sources";
    }
    return "";
}

/// Nothing new can be made of what is full.
void put_usage(const Table& table, proto::Status& status) {
    for (const auto& usage : table.usage()) {
        auto& out = *status.add_usage();
        out.set_what(name_of(usage, table.config()));
        out.set_held(usage.held);
        out.set_limit(usage.limit);
        out.set_for_packets(usage.for_packets);
        if (usage.held >= usage.limit) {
            status.add_problems(
                fmt::format("all {} {} are in use: new ones are refused", usage.limit, out.what()));
        }
    }
}

std::string stale(const OwnerStatus& owner) {
    return fmt::format(
        "source {} was confirmed {} minutes ago and ends after {}: does its ipref-dns-agent run?",
        owner.name, owner.confirmed_ago / 60, kMappingLife / 60);
}

void put_row(const MappingRow& row, proto::Mappings::Mapping& out) {
    out.set_remote(row.relation == Relation::remote);
    out.set_ip(wire::bytes_of(row.ip));
    wire::put_ipref(row.ipref, *out.mutable_ipref());
    out.set_owner(row.owner);
    out.set_lifetime(row.lifetime);
}

}  // namespace

proto::Status status_of(const SessionContext& context) {
    proto::Status status;
    status.set_release(run::kRelease);
    put_sites(context.table.config(), status.mutable_sites());
    status.set_remote_mappings(context.table.count(Relation::remote));
    status.set_local_mappings(context.table.count(Relation::local));
    status.set_resting(context.table.resting());
    put_usage(context.table, status);
    status.set_commit(run::kCommit);
    status.set_clients(context.clients());
    const auto programs = context.programs();
    status.mutable_programs()->insert(programs.begin(), programs.end());
    if (const auto problem = context.problem(); !problem.empty()) status.add_problems(problem);
    for (const auto& owner : context.table.owners()) {
        if (status.ByteSizeLong() > kRoom / 2) break;  // the rest of a thousand sources
        proto::Status::Source& source = *status.add_sources();
        source.set_name(owner.name);
        source.set_hosts(owner.mappings);
        source.set_hash(owner.hash);
        source.set_confirmed_seconds_ago(owner.confirmed_ago);
        source.set_expires(owner.expires);
        if (owner.expires && owner.confirmed_ago > kStale &&
            status.problems_size() < kMostProblems) {
            status.add_problems(stale(owner));
        }
    }
    if (context.sources.status) context.sources.status(status);
    if (const auto used = status.ByteSizeLong(); context.agents && used < kRoom) {
        context.agents(status, kRoom - used);
    }
    return status;
}

Reply answer_status(const SessionContext& context, const proto::Frame& request) {
    proto::Frame frame;
    *frame.mutable_status() = status_of(context);
    return reply_of(request, std::move(frame));
}

Reply answer_mappings(const SessionContext& context, const proto::Frame& request) {
    const auto& asked = request.mappings_request();
    const auto filter = filter_of(asked);
    if (!filter) return failure_of(request, Failure::BAD_REQUEST, filter.error().text);
    uint64_t cursor = 0;
    if (!asked.cursor().empty()) {
        if (asked.cursor().size() != kCursorSize) {
            return failure_of(request, Failure::BAD_REQUEST, "cursor: not one of this gateway's");
        }
        const auto* bytes = reinterpret_cast<const uint8_t*>(asked.cursor().data());
        cursor = wire::Reader({bytes, kCursorSize}).u64();
    }
    size_t limit = asked.limit() == 0 ? kMostRows : std::min(asked.limit(), kMostRows);
    for (;; limit /= 2) {  // owners' names may be long: fewer rows then
        const MappingPage page = context.table.page(cursor, limit, *filter);
        proto::Frame frame;
        for (const auto& row : page.rows) {
            put_row(row, *frame.mutable_mappings()->add_mappings());
        }
        if (page.next) frame.mutable_mappings()->set_next(cursor_bytes(*page.next));
        frame.mutable_mappings();
        if (frame.ByteSizeLong() <= kRoom) return reply_of(request, std::move(frame));
    }
}

}  // namespace ipref::gw

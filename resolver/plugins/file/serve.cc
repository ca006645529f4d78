// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/serve.h"

#include <algorithm>

namespace ipref::resolver {

namespace {

/// What the look-up of an alias' target found goes behind the chain; each record once, so that a
/// loop over several zones ends.
void merge(const Zone& zone, Query& q, const LookupResult& result) {
    auto& answer = q.reply.answer;
    const auto known = [&](const RecordRef& record) {
        return std::any_of(answer.begin(), answer.end(), [&](const RecordRef& have) {
            return have.type == record.type && have.owner.size() == record.owner.size() &&
                   dns::same_bytes(have.owner, record.owner) &&
                   have.rdata.size() == record.rdata.size() &&
                   dns::same_bytes(have.rdata, record.rdata);
        });
    };
    const auto take = [&](std::vector<RecordRef>& to, const RecordRef& record) {
        to.push_back({.owner = q.arena().copy(record.owner),
                      .type = record.type,
                      .klass = record.klass,
                      .ttl = record.ttl,
                      .rdata = q.arena().copy(record.rdata)});
    };
    const uint16_t rcode = result.reply == nullptr ? dns::rcode::kNoError : result.reply->rcode;
    const bool refused = rcode == dns::rcode::kRefused;
    q.reply.rcode = refused ? dns::rcode::kNoError : rcode;
    bool found = false;
    if (result.answered && result.reply != nullptr) {
        for (const auto& record : result.reply->answer) {
            if (known(record)) continue;
            take(answer, record);
            found |= record.type == q.request.type;
        }
        for (const auto& record : result.reply->authority) {
            if (!found && record.type == dns::rr::kSoa) take(q.reply.authority, record);
        }
    }
    if (q.reply.authority.empty()) add_apex_ns(zone, q);
}

Step follow(const Zone& zone, Query& q, const Name& target) {
    q.lookup(target, q.request.type, [&zone, &q](const LookupResult& result) {
        merge(zone, q, result);
        q.finish();
    });
    return Step::later;
}

}  // namespace

Step serve_from(const Zone& zone, Query& q, std::span<const Name> fallthrough) {
    const auto leaves = answer_from(zone, q);
    if (leaves) return follow(zone, q, leaves->target);
    if (q.reply.rcode == dns::rcode::kNxDomain &&
        longest_zone(fallthrough, q.request.lower) != nullptr) {
        q.reply.clear();
        return Step::next;
    }
    return Step::done;
}

}  // namespace ipref::resolver

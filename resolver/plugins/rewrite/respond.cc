// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cstring>

#include "resolver/plugins/rewrite/rule.h"

namespace ipref::resolver::rewrite {

namespace {

using Records = std::vector<RecordRef>;

template <typename Change>
void each(Reply& reply, Change change) {
    for (auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        for (auto& record : *section) change(record);
    }
}

/// Where the name in the record's data begins; nothing for data without a name.
std::optional<size_t> name_in(const RecordRef& record) {
    const auto data = record.rdata;
    switch (record.type) {
        case dns::rr::kCname:
        case dns::rr::kDname:
        case dns::rr::kNs:
        case dns::rr::kPtr:
        case dns::rr::kSoa:
            return 0;
        case dns::rr::kMx:
            return 2;
        case dns::rr::kSrv:
            return 6;
        case dns::rr::kNaptr: {
            size_t at = 4;  // order and preference, then three strings
            for (int i = 0; i < 3 && at < data.size(); i++) at += data[at] + 1U;
            return at;
        }
        default:
            return std::nullopt;
    }
}

void rename_owner(Query& q, RecordRef& record, const Rewriter& rewriter) {
    const auto owner = Name::from_wire(record.owner);
    const auto renamed = owner ? rewritten(rewriter, *owner) : std::nullopt;
    if (renamed) record.owner = q.arena().copy(renamed->wire());
}

void rename_value(Query& q, RecordRef& record, const Rewriter& rewriter) {
    const auto at = name_in(record);
    if (!at || *at >= record.rdata.size()) return;
    const auto name = Name::from_wire(record.rdata.subspan(*at));
    const auto renamed = name ? rewritten(rewriter, *name) : std::nullopt;
    if (!renamed) return;
    const auto before = record.rdata.first(*at);
    const auto after = record.rdata.subspan(*at + name->size());
    const auto data = q.arena().room(before.size() + renamed->size() + after.size());
    auto end = std::copy(before.begin(), before.end(), data.begin());
    end = std::copy(renamed->wire().begin(), renamed->wire().end(), end);
    std::copy(after.begin(), after.end(), end);
    record.rdata = data;
}

struct Responder {
    Query& q;

    void operator()(const RenameOwners& rename) const {
        each(q.reply, [&](RecordRef& record) { rename_owner(q, record, rename.rewriter); });
    }
    void operator()(const RenameValues& rename) const {
        each(q.reply, [&](RecordRef& record) { rename_value(q, record, rename.rewriter); });
    }
    void operator()(const LimitTtl& limit) const {
        each(q.reply, [&](RecordRef& record) {
            record.ttl = std::min(std::max(record.ttl, limit.least), limit.most);
        });
    }
    void operator()(const ChangeRcode& change) const {
        if (q.reply.rcode == change.from) q.reply.rcode = change.to;
    }
    void operator()(const ChangeCname&) const {}
};

}  // namespace

void respond(Query& q, const Response& response) {
    std::visit(Responder{q}, response);
}

std::optional<Name> retarget(Query& q, const ChangeCname& change) {
    auto& answer = q.reply.answer;
    const Rewriter rewriter = *change.target;
    for (const auto& record : answer) {
        if (record.type != dns::rr::kCname) continue;
        const auto target = Name::from_wire(record.rdata);
        const auto fresh = target ? rewritten(rewriter, *target) : std::nullopt;
        if (!fresh || *fresh == *target) continue;
        // What stands behind this CNAME was about the old target.
        answer.resize(static_cast<size_t>(&record - answer.data()) + 1);
        answer.back().rdata = q.arena().copy(fresh->wire());
        return fresh;
    }
    return std::nullopt;
}

}  // namespace ipref::resolver::rewrite

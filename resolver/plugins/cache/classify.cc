// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cache/classify.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/dns/soa.h"
#include "common/wire/cursor.h"

namespace ipref::resolver::cache {

namespace {

namespace rr = dns::rr;
namespace rcode = dns::rcode;

constexpr uint16_t kFirstMeta = 128;  // RFC 6895 section 3.1: 128 to 255 are no data, 255 is ANY
constexpr int kMostAliases = 16;      // on the way to an answer

uint32_t least_ttl(const Reply& reply) {
    uint32_t least = UINT32_MAX;
    for (const auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        for (const auto& record : *section) least = std::min(least, record.ttl);
    }
    return least;
}

const RecordRef* find_type(const std::vector<RecordRef>& records, uint16_t type) {
    for (const auto& record : records) {
        if (record.type == type) return &record;
    }
    return nullptr;
}

bool belongs(const Request& request, const Reply& reply) {
    if (reply.answer.empty()) return true;
    const auto name = request.name.wire();
    return std::any_of(reply.answer.begin(), reply.answer.end(), [&](const auto& record) {
        // An alias of a parent (DNAME) may come before the one made from it.
        return record.owner.size() == name.size() && dns::same_bytes(record.owner, name);
    });
}

}  // namespace

Verdict classify(const Request& request, const Reply& reply) {
    if (reply.tc) return {};
    if (reply.rcode == rcode::kServFail || reply.rcode == rcode::kNotImp) {
        return {Class::failure, 0};
    }
    if (reply.rcode != rcode::kNoError && reply.rcode != rcode::kNxDomain) return {};
    if (!belongs(request, reply)) return {Class::stranger, 0};
    const uint32_t ttl = least_ttl(reply);
    const auto* soa = find_type(reply.authority, rr::kSoa);
    const bool any = request.type == rr::kAny && !reply.answer.empty();
    const bool data = any || find_type(reply.answer, request.type) != nullptr;
    if (reply.rcode == rcode::kNxDomain || (!data && soa != nullptr)) {
        if (soa == nullptr) return reply.keep ? Verdict{Class::denial, *reply.keep} : Verdict{};
        return {Class::denial, std::min(ttl, dns::soa_minimum(soa->rdata))};
    }
    const bool delegation = find_type(reply.authority, rr::kNs) != nullptr;
    if (reply.answer.empty() && !delegation) {
        return reply.keep ? Verdict{Class::denial, *reply.keep} : Verdict{};
    }
    return {Class::success, ttl};
}

bool answers(const Request& request, const Reply& reply) {
    if (reply.rcode != rcode::kNoError) return false;
    Bytes name = request.name.wire();
    for (int i = 0; i <= kMostAliases; i++) {
        Bytes target;
        for (const auto& record : reply.answer) {
            if (record.owner.size() != name.size() || !dns::same_bytes(record.owner, name))
                continue;
            if (record.type == request.type || request.type == rr::kAny) return true;
            if (record.type == rr::kCname) target = record.rdata;
        }
        if (target.empty()) return false;
        name = target;
    }
    return false;
}

bool is_for_cache(const Request& request) {
    const bool meta = request.type >= kFirstMeta && request.type <= rr::kAny;
    if ((meta && request.type != rr::kAny) || request.type == rr::kOpt || request.type == 0) {
        return false;
    }
    wire::Reader options(request.edns.options);
    while (options.left() > 0) {
        if (options.u16() == dns::option::kSubnet) return false;
        options.skip(options.u16());
    }
    return true;
}

bool is_dnssec_type(uint16_t type) {
    return type == rr::kRrsig || type == rr::kNsec || type == rr::kNsec3;
}

bool has_dnssec(const Reply& reply, uint16_t asked) {
    for (const auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        for (const auto& record : *section) {
            if (is_dnssec_type(record.type) && record.type != asked) return true;
        }
    }
    return false;
}

void strip_dnssec(Reply& reply, uint16_t asked) {
    for (auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        std::erase_if(*section, [&](const auto& record) {
            return is_dnssec_type(record.type) && record.type != asked;
        });
    }
}

}  // namespace ipref::resolver::cache

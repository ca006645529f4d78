// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/forward/scrub.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "common/dns/answer.h"
#include "common/net/private_networks.h"

namespace ipref::resolver::forward {

namespace {

using Names = std::vector<Bytes>;

bool same(Bytes a, Bytes b) {
    return a.size() == b.size() && dns::same_bytes(a, b);
}

/// `name` is `zone` or below it.
bool is_under(Bytes name, Bytes zone) {
    while (name.size() > zone.size()) name = name.subspan(name[0] + 1U);
    return same(name, zone);
}

/// The name in a record's data behind `skip` bytes; data need not be what its type says.
std::optional<Bytes> name_in(Bytes rdata, size_t skip) {
    if (rdata.size() <= skip) return std::nullopt;
    const auto name = Name::from_wire(rdata.subspan(skip));
    return name ? std::optional(rdata.subspan(skip, name->size())) : std::nullopt;
}

/// The name asked for and where its aliases lead, whatever their order.
Names chain_of(const Reply& reply, Bytes asked) {
    Names chain = {asked};
    size_t before = 0;
    while (before != chain.size()) {
        before = chain.size();
        for (const auto& record : reply.answer) {
            if (record.type != dns::rr::kCname || !same(record.owner, chain.back())) continue;
            if (const auto target = name_in(record.rdata, 0)) chain.push_back(*target);
            if (chain.size() > dns::kMaxChain) return chain;
        }
    }
    return chain;
}

bool holds_one(Bytes zone, const Names& names) {
    return std::ranges::any_of(names, [&](Bytes name) { return is_under(name, zone); });
}

bool belongs_to_answer(const RecordRef& record, const Request& request, const Names& chain) {
    if (request.type == dns::rr::kAxfr || request.type == dns::rr::kIxfr) {
        return is_under(record.owner, chain.front());
    }
    if (std::ranges::any_of(chain, [&](Bytes name) { return same(record.owner, name); })) {
        return true;
    }
    const bool renames = record.type == dns::rr::kDname || record.type == dns::rr::kRrsig;
    return renames && holds_one(record.owner, chain);
}

bool belongs_to_authority(const RecordRef& record, const Names& chain, const Name& zone) {
    switch (record.type) {
        case dns::rr::kSoa:
        case dns::rr::kDs:
            return holds_one(record.owner, chain);
        case dns::rr::kNs:
            return holds_one(record.owner, chain) && is_under(record.owner, zone.wire());
        case dns::rr::kRrsig:
        case dns::rr::kNsec:
        case dns::rr::kNsec3:
            return true;  // without a signature that holds they say nothing
        default:
            return false;
    }
}

/// Whom a record mentions.
std::optional<Bytes> target_of(const RecordRef& record) {
    switch (record.type) {
        case dns::rr::kNs:
        case dns::rr::kPtr:
            return name_in(record.rdata, 0);
        case dns::rr::kMx:
        case dns::rr::kSvcb:
        case dns::rr::kHttps:
            return name_in(record.rdata, 2);
        case dns::rr::kSrv:
            return name_in(record.rdata, 6);
        default:
            return std::nullopt;
    }
}

void drop_foreign_additional(Reply& reply, const Names& chain, const Name& zone) {
    std::unordered_set<Name> mentioned;
    const auto name = [](Bytes wire) { return *Name::from_wire(wire); };
    const auto mention = [&](const RecordRef& record) {
        if (const auto target = target_of(record)) mentioned.insert(name(*target));
    };
    for (const auto& one : chain) mentioned.insert(name(one));
    for (const auto* section : {&reply.answer, &reply.authority}) {
        std::ranges::for_each(*section, mention);
    }
    // PTR leads to SRV, and that to addresses (RFC 6763 section 12.1).
    for (const auto& record : reply.additional) {
        if (mentioned.contains(name(record.owner))) mention(record);
    }
    std::erase_if(reply.additional, [&](const RecordRef& record) {
        return !is_under(record.owner, zone.wire()) || !mentioned.contains(name(record.owner));
    });
}

/// Besides private_networks(): "this host" and shared addresses, IPv4 inside IPv6.
bool leads_inside(const net::Ip& ip) {
    static const std::array kMore = {
        *net::Cidr::parse("0.0.0.0/8"), *net::Cidr::parse("100.64.0.0/10"),
        *net::Cidr::parse("::/128"), *net::Cidr::parse("::ffff:0:0/96")};
    return net::is_private(ip) ||
           std::ranges::any_of(kMore, [&](const auto& one) { return one.contains(ip); });
}

/// Some address in `bytes`, which holds one behind the other.
bool one_leads_inside(Bytes bytes, net::Family family) {
    const size_t size = net::address_size(family);
    for (; bytes.size() >= size; bytes = bytes.subspan(size)) {
        if (leads_inside({family, bytes.data()})) return true;
    }
    return false;
}

/// RFC 9460 section 7.3.
bool hints_lead_inside(Bytes rdata) {
    constexpr uint16_t kIpv4Hint = 4, kIpv6Hint = 6;
    constexpr size_t kPriority = 2;
    const auto target = name_in(rdata, kPriority);
    if (!target) return false;
    wire::Reader in(rdata.subspan(kPriority + target->size()));
    while (in.ok() && in.left() > 0) {
        const uint16_t key = in.u16();
        const auto value = in.take(in.u16());
        if (!in.ok()) return false;
        if (key == kIpv4Hint && one_leads_inside(value, net::Family::v4)) return true;
        if (key == kIpv6Hint && one_leads_inside(value, net::Family::v6)) return true;
    }
    return false;
}

bool has_private_address(const RecordRef& record) {
    switch (record.type) {
        case dns::rr::kA:
            return one_leads_inside(record.rdata, net::Family::v4);
        case dns::rr::kAaaa:
            return one_leads_inside(record.rdata, net::Family::v6);
        case dns::rr::kSvcb:
        case dns::rr::kHttps:
            return hints_lead_inside(record.rdata);
        default:
            return false;
    }
}

size_t records_in(const Reply& reply) {
    return reply.answer.size() + reply.authority.size() + reply.additional.size();
}

}  // namespace

size_t drop_foreign(Reply& reply, const Request& request, const Name& zone) {
    const size_t before = records_in(reply);
    const auto chain = chain_of(reply, request.name.wire());
    const auto foreign_class = [&](const RecordRef& record) {
        return record.klass != request.klass && request.klass != dns::klass::kAny;
    };
    std::erase_if(reply.answer, [&](const RecordRef& record) {
        return foreign_class(record) || !belongs_to_answer(record, request, chain);
    });
    std::erase_if(reply.authority, [&](const RecordRef& record) {
        return foreign_class(record) || !belongs_to_authority(record, chain, zone);
    });
    if (!reply.additional.empty()) drop_foreign_additional(reply, chain, zone);
    return before - records_in(reply);
}

size_t drop_private(Reply& reply) {
    size_t dropped = 0;
    for (auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        dropped += std::erase_if(*section, has_private_address);
    }
    return dropped;
}

}  // namespace ipref::resolver::forward

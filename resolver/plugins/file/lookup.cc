// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/lookup.h"

#include <algorithm>

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

constexpr unsigned kMostAliases = 20;
constexpr uint16_t kYxDomain = 6;

class Lookup {
  public:
    Lookup(const Zone& zone, Query& q)
        : zone_(zone), q_(q), dnssec_(q.request.edns.dnssec_ok), type_(q.request.type) {}

    std::optional<Leaves> run() {
        q_.reply.aa = true;
        Name name = q_.request.lower;
        for (aliases_ = 0; aliases_ < kMostAliases; aliases_++) {
            if (!name.is_under(zone_.origin())) return Leaves{name};
            const auto next = visit(name);
            if (!next) return std::nullopt;
            name = next->lower();
        }
        negative(dns::rcode::kServFail);  // a chain longer than anybody needs, or in a loop
        return std::nullopt;
    }

  private:
    /// One name of the chain; the next one if it is an alias.
    std::optional<Name> visit(const Name& name) {
        const uint32_t index = zone_.find(name.wire());
        const uint32_t near = index != kNoNode ? index : zone_.encloser(name.wire());
        const uint32_t barrier = zone_.node(near).barrier;
        if (barrier != kNoNode) {
            const auto& above = zone_.node(barrier);
            if (zone_.set(above, rr::kDname) != nullptr && barrier != index) {
                return through_dname(name, above);
            }
            if (type_ != rr::kDs || barrier != index) {
                refer(barrier);
                return std::nullopt;
            }
        } else if (index == kNoNode) {
            const auto& encloser = zone_.node(near);
            if (zone_.set(encloser, rr::kDname) != nullptr) return through_dname(name, encloser);
        }
        if (index != kNoNode) return from_node(zone_.node(index), zone_.node(index).name(), name);
        const uint32_t wildcard = zone_.node(near).wildcard;
        if (wildcard == kNoNode) {
            no_such_name(name, near);
            return std::nullopt;
        }
        return from_wildcard(zone_.node(wildcard), name);
    }

    std::optional<Name> from_wildcard(const ZoneNode& node, const Name& name) {
        const Bytes owner = aliases_ == 0 ? q_.asked_name() : q_.arena().copy(name.wire());
        auto next = from_node(node, owner, name);
        // That the name itself does not exist (RFC 4035 section 3.1.3.3).
        if (dnssec_) add_nsec(zone_.node(zone_.at_or_before(name)).nsec);
        return next;
    }

    std::optional<Name> from_node(const ZoneNode& node, Bytes owner, const Name& name) {
        const auto* cname = zone_.set(node, rr::kCname);
        const bool alias = cname != nullptr && type_ != rr::kCname && type_ != rr::kAny &&
                           type_ != rr::kNsec && type_ != rr::kRrsig;
        if (alias) {
            if (!add_once(*cname, owner)) {
                negative(dns::rcode::kNoError);
                return std::nullopt;
            }
            add_signatures(q_.reply.answer, node, owner, rr::kCname);
            return Name::from_wire(zone_.records(*cname)[0].rdata());
        }
        const auto* set = type_ == rr::kAny ? any_set(node) : zone_.set(node, type_);
        if (set == nullptr) {
            no_data(node, name);
            return std::nullopt;
        }
        add(q_.reply.answer, *set, owner);
        if (set->type != rr::kRrsig) add_signatures(q_.reply.answer, node, owner, set->type);
        positive(node, *set);
        return std::nullopt;
    }

    /// One of the sets, as RFC 8482 section 4.1 allows.
    const RrSet* any_set(const ZoneNode& node) const {
        const RrSet* found = nullptr;
        for (const auto& set : zone_.sets(node)) {
            if (set.type == rr::kRrsig || set.type == rr::kNsec) continue;
            if (found == nullptr) found = &set;
        }
        return found;
    }

    std::optional<Name> through_dname(const Name& name, const ZoneNode& node) {
        const auto* dname = zone_.set(node, rr::kDname);
        if (!add_once(*dname, node.name())) {
            negative(dns::rcode::kNoError);
            return std::nullopt;
        }
        add_signatures(q_.reply.answer, node, node.name(), rr::kDname);
        const auto& record = zone_.records(*dname)[0];
        const Bytes prefix = name.wire().first(name.size() - node.owner_size);
        if (prefix.size() + record.size > dns::kMaxName) {
            q_.reply.rcode = kYxDomain;
            add_apex_ns(zone_, q_);
            return std::nullopt;
        }
        const auto target = q_.arena().room(prefix.size() + record.size);
        std::copy(prefix.begin(), prefix.end(), target.begin());
        std::copy(record.data, record.data + record.size,
                  target.begin() + static_cast<ptrdiff_t>(prefix.size()));
        const Bytes owner = aliases_ == 0 ? q_.asked_name() : q_.arena().copy(name.wire());
        q_.reply.answer.push_back(
            {.owner = owner, .type = rr::kCname, .ttl = record.ttl, .rdata = target});
        if (type_ == rr::kCname || type_ == rr::kDname || type_ == rr::kAny) {
            add_apex_ns(zone_, q_);
            return std::nullopt;
        }
        return Name::from_wire(target);
    }

    void refer(uint32_t index) {
        const auto& cut = zone_.node(index);
        if (aliases_ == 0) q_.reply.aa = false;
        const auto* ns = zone_.set(cut, rr::kNs);
        add(q_.reply.authority, *ns, cut.name());
        if (dnssec_) {
            if (const auto* ds = zone_.set(cut, rr::kDs)) {
                add(q_.reply.authority, *ds, cut.name());
                add_signatures(q_.reply.authority, cut, cut.name(), rr::kDs);
            } else if (cut.nsec == index) {
                add_nsec(index);
            }
        }
        add_addresses(*ns, 0);
    }

    void positive(const ZoneNode& node, const RrSet& set) {
        const bool apex_ns = &node == &zone_.node(0) && set.type == rr::kNs;
        if (!apex_ns) add_apex_ns(zone_, q_);
        if (aliases_ > 0) return;
        if (set.type == rr::kNs) add_addresses(set, 0);
        if (set.type == rr::kMx) add_addresses(set, 2);
        if (set.type == rr::kSrv) add_addresses(set, 6);
    }

    void no_data(const ZoneNode& node, const Name& name) {
        negative(dns::rcode::kNoError);
        if (!dnssec_) return;
        const auto at = static_cast<uint32_t>(&node - zone_.nodes().data());
        add_nsec(node.nsec == at ? at : zone_.node(zone_.at_or_before(name)).nsec);
    }

    void no_such_name(const Name& name, uint32_t encloser) {
        negative(dns::rcode::kNxDomain);
        if (!dnssec_) return;
        add_nsec(zone_.node(zone_.at_or_before(name)).nsec);
        const auto above = Name::from_wire(zone_.node(encloser).name());
        if (const auto star = above->wildcard()) {
            add_nsec(zone_.node(zone_.at_or_before(star->lower())).nsec);
        }
    }

    void negative(uint16_t rcode) {
        q_.reply.rcode = rcode;
        q_.reply.authority.push_back(soa_of(zone_));
        add_signatures(q_.reply.authority, zone_.node(0), zone_.node(0).name(), rr::kSoa);
    }

    void add(std::vector<RecordRef>& to, const RrSet& set, Bytes owner) const {
        for (const auto& record : zone_.records(set)) {
            to.push_back(
                {.owner = owner, .type = set.type, .ttl = record.ttl, .rdata = record.rdata()});
        }
    }

    /// False if the answer has the set already: the chain goes round.
    bool add_once(const RrSet& set, Bytes owner) {
        const auto& data = zone_.records(set)[0];
        for (const auto& record : q_.reply.answer) {
            if (record.rdata.data() == data.data && record.owner.size() == owner.size() &&
                dns::same_bytes(record.owner, owner)) {
                return false;
            }
        }
        q_.reply.answer.push_back(
            {.owner = owner, .type = set.type, .ttl = data.ttl, .rdata = data.rdata()});
        return true;
    }

    void add_signatures(std::vector<RecordRef>& to, const ZoneNode& node, Bytes owner,
                        uint16_t covered) const {
        if (!dnssec_) return;
        const auto* set = zone_.set(node, rr::kRrsig);
        if (set == nullptr) return;
        for (const auto& record : zone_.records(*set)) {
            if (record.size < 2 || (record.data[0] << 8 | record.data[1]) != covered) continue;
            to.push_back(
                {.owner = owner, .type = rr::kRrsig, .ttl = record.ttl, .rdata = record.rdata()});
        }
    }

    void add_nsec(uint32_t index) {
        if (index == kNoNode) return;
        const auto& node = zone_.node(index);
        for (const auto& record : q_.reply.authority) {
            if (record.type == rr::kNsec && record.owner.data() == node.owner) return;
        }
        const auto* set = zone_.set(node, rr::kNsec);
        add(q_.reply.authority, *set, node.name());
        add_signatures(q_.reply.authority, node, node.name(), rr::kNsec);
    }

    /// Addresses that the zone has, glue too, for the names in the data behind `skip` bytes.
    void add_addresses(const RrSet& set, size_t skip) {
        for (const auto& record : zone_.records(set)) {
            const auto target = Name::from_wire(record.rdata().subspan(skip));
            if (!target || !target->is_under(zone_.origin())) continue;
            const uint32_t index = zone_.find(target->lower().wire());
            if (index == kNoNode) continue;
            const auto& node = zone_.node(index);
            for (const uint16_t type : {rr::kA, rr::kAaaa}) {
                const auto* addresses = zone_.set(node, type);
                if (addresses == nullptr) continue;
                add(q_.reply.additional, *addresses, node.name());
                add_signatures(q_.reply.additional, node, node.name(), type);
            }
        }
    }

    const Zone& zone_;
    Query& q_;
    bool dnssec_;
    uint16_t type_;
    unsigned aliases_ = 0;
};

}  // namespace

std::optional<Leaves> answer_from(const Zone& zone, Query& q) {
    return Lookup(zone, q).run();
}

void add_apex_ns(const Zone& zone, Query& q) {
    const auto& apex = zone.node(0);
    const auto add = [&](const RrSet& set, bool (*wanted)(const ZoneRecord&)) {
        for (const auto& record : zone.records(set)) {
            if (!wanted(record)) continue;
            q.reply.authority.push_back({.owner = apex.name(),
                                         .type = set.type,
                                         .ttl = record.ttl,
                                         .rdata = record.rdata()});
        }
    };
    if (const auto* ns = zone.set(apex, rr::kNs)) {
        add(*ns, [](const ZoneRecord&) { return true; });
    }
    const auto* signatures = q.request.edns.dnssec_ok ? zone.set(apex, rr::kRrsig) : nullptr;
    if (signatures == nullptr) return;
    add(*signatures, [](const ZoneRecord& record) {
        return record.size > 1 && (record.data[0] << 8 | record.data[1]) == rr::kNs;
    });
}

RecordRef soa_of(const Zone& zone) {
    const auto& apex = zone.node(0);
    const auto& record = zone.records(*zone.set(apex, rr::kSoa))[0];
    return {.owner = apex.name(), .type = rr::kSoa, .ttl = record.ttl, .rdata = record.rdata()};
}

}  // namespace ipref::resolver

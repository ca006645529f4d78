// SPDX-License-Identifier: GPL-2.0-or-later
// Signs answers on their way to clients that ask for it. What does not exist is denied by an NSEC
// record made for the name asked, as if it existed without the type asked ("black lies"): nobody
// can walk the zone, and nothing need be known of it.
#include <algorithm>
#include <ctime>

#include "common/dns/soa.h"
#include "resolver/plugins/dnssec/rrsig.h"
#include "resolver/plugins/dnssec/signatures.h"
#include "resolver/server/counters.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

// Types that a name may have, for all that is known; less the one asked for.
constexpr uint16_t kAtName[] = {1, 13, 16, 28, 29, 33, 37, 44, 46, 47, 52, 55, 61, 99};
constexpr uint16_t kAtApex[] = {1,  2,  6,  13, 15, 16, 28, 29, 33,
                                37, 44, 46, 47, 48, 52, 55, 61, 99};
constexpr uint16_t kAtNothing[] = {rr::kRrsig, rr::kNsec};
constexpr uint16_t kAtCut[] = {rr::kNs, rr::kRrsig, rr::kNsec};
constexpr uint32_t kDnskeyTtl = 3600;
constexpr size_t kSoaNumbers = 20;
// Signatures in one answer. Those that other servers make up, behind plugin forward, could need
// thousands: seconds of work for one query.
constexpr size_t kMostSignatures = 100;

uint32_t wall_clock() {
    return static_cast<uint32_t>(std::time(nullptr));
}

class Dnssec final : public Handler {
  public:
    Dnssec(std::vector<Name> zones, std::vector<SigningKey> keys, size_t capacity,
           run::Metrics& metrics)
        : zones_(std::move(zones)),
          keys_(std::move(keys)),
          signatures_(capacity),
          metrics_(metrics) {
        const auto ksk = [](const SigningKey& key) { return key.is_ksk(); };
        split_ = std::any_of(keys_.begin(), keys_.end(), ksk) &&
                 !std::all_of(keys_.begin(), keys_.end(), ksk);
    }
    std::string_view name() const override { return "dnssec"; }

    Result<void> start(Worker& worker) override {
        hits_.make(worker);
        misses_.make(worker);
        return {};
    }
    void stop(Worker& worker) override {
        hits_.drop(worker);
        misses_.drop(worker);
    }

    Step handle(Query& q) override {
        const auto* zone = longest_zone(zones_, q.request.lower);
        if (zone == nullptr) return Step::next;
        const bool wanted = q.request.edns.dnssec_ok;
        if (q.request.type == rr::kDnskey && q.request.lower == *zone) {
            for (const auto& key : keys_) {
                q.reply.answer.push_back({.owner = q.asked_name(),
                                          .type = rr::kDnskey,
                                          .ttl = kDnskeyTtl,
                                          .rdata = key.dnskey()});
            }
            q.reply.aa = true;
            size_t left = kMostSignatures;
            if (wanted) sign_section(q, q.reply.answer, left);
            return Step::done;
        }
        return wanted ? Step::watch : Step::next;
    }

    Step answered(Query& q) override {
        auto& reply = q.reply;
        if (q.outcome() != Query::Outcome::answered || is_signed(reply)) return Step::done;
        const bool cut = deny_or_delegate(q);
        size_t left = kMostSignatures;
        if (!sign_section(q, reply.answer, left) || !sign_section(q, reply.authority, left)) {
            return q.failed(dns::rcode::kServFail,
                            fmt::format("plugin/dnssec: the answer for {} needs more than {} "
                                        "signatures",
                                        q.request.name.str(), kMostSignatures));
        }
        if (!cut) sign_section(q, reply.additional, left);  // may do without
        return Step::done;
    }

  private:
    static bool is_signed(const Reply& reply) {
        const auto signature = [](const RecordRef& record) { return record.type == rr::kRrsig; };
        return std::any_of(reply.answer.begin(), reply.answer.end(), signature) ||
               std::any_of(reply.authority.begin(), reply.authority.end(), signature);
    }

    /// The NSEC record where something does not exist. True for a referral.
    bool deny_or_delegate(Query& q) const {
        auto& reply = q.reply;
        for (const auto& record : reply.authority) {
            const auto owner = Name::from_wire(record.owner);
            const auto* zone = longest_zone(zones_, owner->lower());
            if (zone == nullptr) continue;
            if (record.type == rr::kSoa) {
                deny(q, record);
                return false;
            }
            if (record.type == rr::kNs && *owner != *zone && reply.answer.empty()) {
                const bool secure =
                    std::any_of(reply.authority.begin(), reply.authority.end(),
                                [](const RecordRef& one) { return one.type == rr::kDs; });
                if (!secure) add_nsec(q, owner->lower(), record.ttl, kAtCut, 0);
                return true;
            }
        }
        return false;
    }

    void deny(Query& q, const RecordRef& soa) const {
        const auto denied = end_of_aliases(q);
        const auto* zone = denied ? longest_zone(zones_, *denied) : nullptr;
        if (zone == nullptr || soa.rdata.size() < kSoaNumbers) return;
        const uint32_t ttl = std::min(soa.ttl, dns::soa_minimum(soa.rdata));
        const bool nothing = q.reply.rcode == dns::rcode::kNxDomain;
        if (!nothing && q.reply.rcode != dns::rcode::kNoError) return;
        q.reply.rcode = dns::rcode::kNoError;
        if (nothing) return add_nsec(q, *denied, ttl, kAtNothing, 0);
        *denied == *zone ? add_nsec(q, *denied, ttl, kAtApex, q.request.type)
                         : add_nsec(q, *denied, ttl, kAtName, q.request.type);
    }

    /// Where the answer's aliases lead to; nothing if there is data of the type asked.
    static std::optional<Name> end_of_aliases(const Query& q) {
        Name at = q.request.lower;
        for (size_t i = 0; i <= q.reply.answer.size(); i++) {
            const auto here = [&](const RecordRef& record) {
                return *Name::from_wire(record.owner) == at;
            };
            const auto found = std::find_if(q.reply.answer.begin(), q.reply.answer.end(), here);
            if (found == q.reply.answer.end()) return at;
            const auto target = Name::from_wire(found->rdata);
            if (found->type != rr::kCname || !target) return std::nullopt;
            at = target->lower();
        }
        return std::nullopt;  // a loop
    }

    static void add_nsec(Query& q, const Name& owner, uint32_t ttl, std::span<const uint16_t> types,
                         uint16_t without) {
        std::vector<uint16_t> there;
        for (const uint16_t type : types) {
            const bool kept = type != without || type == rr::kRrsig || type == rr::kNsec;
            if (kept) there.push_back(type);
        }
        const uint8_t least[] = {0};
        const auto next = owner.with_label(least);
        if (!next) return;  // of 254 bytes or more: the answer stays without proof
        std::vector<uint8_t> data(next->wire().begin(), next->wire().end());
        const auto bitmap = type_bitmap(there);
        data.insert(data.end(), bitmap.begin(), bitmap.end());
        q.reply.authority.push_back({.owner = q.arena().copy(owner.wire()),
                                     .type = rr::kNsec,
                                     .ttl = ttl,
                                     .rdata = q.arena().copy(data)});
    }

    /// Behind the records of each set of a section, its signatures: `left` at most. False: the
    /// others are missing.
    bool sign_section(Query& q, std::vector<RecordRef>& section, size_t& left) {
        bool all = true;
        std::vector<RecordRef> out;
        std::vector<bool> taken(section.size(), false);
        for (size_t i = 0; i < section.size(); i++) {
            if (taken[i]) continue;
            const size_t from = out.size();
            for (size_t k = i; k < section.size(); k++) {
                const bool same = !taken[k] && section[k].type == section[i].type &&
                                  section[k].klass == section[i].klass &&
                                  dns::same_bytes(section[k].owner, section[i].owner);
                if (!same) continue;
                taken[k] = true;
                out.push_back(section[k]);
            }
            all = sign_set(q, out, from, left) && all;
        }
        section = std::move(out);
        return all;
    }

    bool sign_set(Query& q, std::vector<RecordRef>& out, size_t from, size_t& left) {
        const auto set = std::span(out).subspan(from);
        const auto owner = Name::from_wire(set.front().owner)->lower();
        const auto* zone = longest_zone(zones_, owner);
        const uint16_t type = set.front().type;
        const bool of_cut = type == rr::kNs && zone != nullptr && owner != *zone;
        if (zone == nullptr || of_cut || set.front().klass != dns::klass::kIn) return true;
        uint32_t ttl = set.front().ttl;
        for (const auto& record : set) ttl = std::min(ttl, record.ttl);
        for (auto& record : set) record.ttl = ttl;
        std::vector<RecordRef> made;
        for (const auto& key : keys_) {
            if (split_ && key.is_ksk() != (type == rr::kDnskey)) continue;
            if (!zone->is_under(key.owner())) continue;
            if (left == 0) return false;
            left--;
            const auto signature = signatures_.of(set, *zone, key, wall_clock());
            count(q, signature.kept);
            if (signature.rdata.empty()) continue;
            made.push_back({.owner = set.front().owner,
                            .type = rr::kRrsig,
                            .ttl = ttl,
                            .rdata = q.arena().copy(signature.rdata)});
        }
        out.insert(out.end(), made.begin(), made.end());
        return true;
    }

    void count(Query& q, bool kept) {
        if (kept) return hits_.add(q);
        misses_.add(q);
        metrics_
            .gauge("coredns_dnssec_cache_entries", "The number of signatures kept.",
                   {{"server", q.server()}, {"type", "signature"}})
            .set(static_cast<double>(signatures_.size()));
    }

    std::vector<Name> zones_;
    std::vector<SigningKey> keys_;
    Signatures signatures_;
    run::Metrics& metrics_;
    QueryCounters hits_{metrics_, "coredns_dnssec_cache_hits_total",
                        "The count of signatures that were there.", false};
    QueryCounters misses_{metrics_, "coredns_dnssec_cache_misses_total",
                          "The count of signatures that were made.", false};
    bool split_ = false;  // key-signing keys sign DNSKEY, the others everything else
};

Result<void> take_keys(Setup& setup, std::vector<SigningKey>& keys, Dispenser& d) {
    const auto words = d.remaining_tokens();
    if (words.size() < 2) return d.arg_err();
    if (words[0].text != "file") {
        return parse_error(words[0].at, fmt::format("'{}' instead of 'file'", words[0].text));
    }
    for (size_t i = 1; i < words.size(); i++) {
        auto key = SigningKey::load(setup.path(words[i].text));
        if (!key) return parse_error(words[i].at, key.error().text);
        keys.push_back(std::move(*key));
    }
    return {};
}

}  // namespace

Result<void> setup_dnssec(Setup& setup) {
    auto& d = setup.tokens();
    std::vector<Name> zones;
    std::vector<SigningKey> keys;
    uint32_t capacity = 10'000;
    OptionTable options;
    options.custom({"key", "file KEY...", "", "Keys as dnssec-keygen writes them.",
                    [&](Dispenser& in) { return take_keys(setup, keys, in); }});
    options.number("cache_capacity", capacity, 1, 10'000'000, "Signatures that are kept.");
    bool used = false;
    while (d.next()) {
        if (std::exchange(used, true)) return setup.once_error();
        auto named = setup.zones_or_own(d.remaining_tokens());
        if (!named) return tl::unexpected(named.error());
        zones = std::move(*named);
        if (auto read = options.read_block(d); !read) return read;
    }
    if (keys.empty()) return setup.error("no keys; write 'key file KEY...'");
    for (const auto& key : keys) {
        const bool fits = std::any_of(zones.begin(), zones.end(),
                                      [&](const Name& zone) { return zone.is_under(key.owner()); });
        if (!fits) {
            return setup.error(fmt::format("key {} (keyid: {}) can not sign any of the zones",
                                           key.owner().str(), key.tag()));
        }
    }
    setup.add(
        std::make_unique<Dnssec>(std::move(zones), std::move(keys), capacity, setup.metrics()));
    return {};
}

}  // namespace ipref::resolver

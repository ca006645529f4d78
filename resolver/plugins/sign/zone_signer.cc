// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/sign/zone_signer.h"

#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "common/dns/ldns.h"

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

constexpr uint16_t kNsec3Param = 51;
constexpr uint16_t kCds = 59;
constexpr uint16_t kCdnskey = 60;
constexpr uint8_t kSha256 = 2;       // digest type of a DS record
constexpr size_t kSoaNumbers = 20;   // serial, refresh, retry, expire, minimum
constexpr size_t kRrsigFixed = 18;   // in front of the signer's name
constexpr size_t kExpirationAt = 8;  // of an RRSIG's data; the inception follows
constexpr size_t kKeyTagAt = 16;

uint32_t number(Bytes bytes, size_t at) {
    return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 |
           uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}
void append(std::vector<uint8_t>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

/// A set that goes into the signed zone.
struct OutSet {
    uint32_t ttl = 0;
    std::vector<std::vector<uint8_t>> data;
};
using OutSets = std::map<uint16_t, OutSet>;  // by type

/// Digest over owner and key, RFC 4034 section 5.1.4.
std::vector<uint8_t> cds_data(const Name& zone, const SigningKey& key) {
    std::vector<uint8_t> input;
    append(input, zone.wire());
    append(input, key.dnskey());
    std::vector<uint8_t> digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha256(), nullptr);
    digest.resize(size);
    std::vector<uint8_t> out = {static_cast<uint8_t>(key.tag() >> 8),
                                static_cast<uint8_t>(key.tag()), key.algorithm(), kSha256};
    append(out, digest);
    return out;
}

class Signer {
  public:
    Signer(const Zone& zone, std::span<const SigningKey> keys, const SigningTerms& terms)
        : zone_(zone), keys_(keys), terms_(terms) {}

    Result<std::string> text() {
        find_nsec_ttl();
        const auto nodes = zone_.nodes();
        std::vector<uint32_t> named;  // nodes with an NSEC, in canonical order
        for (uint32_t i = 0; i < nodes.size(); i++) {
            const bool at_or_above_cut = nodes[i].barrier == kNoNode || nodes[i].barrier == i;
            if (nodes[i].sets > 0 && at_or_above_cut) named.push_back(i);
        }
        size_t next = 0;
        for (uint32_t i = 0; i < nodes.size(); i++) {
            auto sets = sets_of(i);
            const bool has_nsec = next < named.size() && named[next] == i;
            if (has_nsec) {
                next++;
                const auto& following = nodes[named[next == named.size() ? 0 : next]];
                add_nsec(sets, nodes[i].barrier == i, following);
            }
            if (auto put = put_node(nodes[i], sets, has_nsec, nodes[i].barrier == i); !put) {
                return tl::unexpected(put.error());
            }
        }
        return std::move(out_);
    }

  private:
    void find_nsec_ttl() {
        const auto& soa = zone_.records(*zone_.set(zone_.node(0), rr::kSoa))[0];
        nsec_ttl_ = std::min(soa.ttl, number(soa.rdata(), soa.size - 4U));  // RFC 9077
    }

    OutSets sets_of(uint32_t index) const {
        const auto& node = zone_.node(index);
        OutSets out;
        for (const auto& set : zone_.sets(node)) {
            if (set.type == rr::kRrsig || set.type == rr::kNsec) continue;
            auto& to = out[set.type];
            to.ttl = UINT32_MAX;
            for (const auto& record : zone_.records(set)) {
                to.ttl = std::min(to.ttl, record.ttl);
                to.data.emplace_back(record.rdata().begin(), record.rdata().end());
            }
        }
        if (index == 0) complete_apex(out);
        return out;
    }

    void complete_apex(OutSets& sets) const {
        auto& soa = sets[rr::kSoa];
        const size_t at = soa.data[0].size() - kSoaNumbers;
        for (size_t i = 0; i < 4; i++) {
            soa.data[0][at + i] = static_cast<uint8_t>(terms_.serial >> (8 * (3 - i)));
        }
        sets[kCds] = {soa.ttl, {}};
        sets[kCdnskey] = {soa.ttl, {}};
        auto& keys = sets[rr::kDnskey];
        if (keys.data.empty()) keys.ttl = soa.ttl;
        for (const auto& key : keys_) {
            std::vector<uint8_t> data(key.dnskey().begin(), key.dnskey().end());
            sets[kCds].data.push_back(cds_data(zone_.origin(), key));
            sets[kCdnskey].data.push_back(data);
            if (std::ranges::find(keys.data, data) == keys.data.end()) keys.data.push_back(data);
        }
    }

    void add_nsec(OutSets& sets, bool cut, const ZoneNode& following) const {
        std::vector<uint16_t> types = {rr::kRrsig, rr::kNsec};
        for (const auto& [type, set] : sets) {
            if (!cut || type == rr::kNs || type == rr::kDs) types.push_back(type);
        }
        std::ranges::sort(types);
        std::vector<uint8_t> data(following.name().begin(), following.name().end());
        append(data, type_bitmap(types));
        sets[rr::kNsec] = {nsec_ttl_, {std::move(data)}};
    }

    /// The SOA is the first record of the file: the first node is the origin.
    Result<void> put_node(const ZoneNode& node, const OutSets& sets, bool authoritative, bool cut) {
        const auto soa = sets.find(rr::kSoa);
        if (soa != sets.end()) {
            if (auto put = put_set(node, *soa, true); !put) return put;
        }
        for (const auto& set : sets) {
            if (set.first == rr::kSoa) continue;
            const bool ours = !cut || set.first == rr::kDs || set.first == rr::kNsec;
            if (auto put = put_set(node, set, authoritative && ours); !put) return put;
        }
        return {};
    }

    Result<void> put_set(const ZoneNode& node, const OutSets::value_type& set, bool sign) {
        const auto& [type, records] = set;
        std::vector<RecordRef> refs;
        for (const auto& data : records.data) {
            refs.push_back({.owner = node.name(), .type = type, .ttl = records.ttl, .rdata = data});
            put(refs.back());
        }
        if (!sign) return {};
        for (const auto& key : keys_) {
            auto [data, message] = to_sign(refs, zone_.origin(), key, terms_.validity);
            const auto signature = key.sign(message);
            if (signature.empty()) {
                return fail("key {} (keyid {}) cannot sign", key.owner().str(), key.tag());
            }
            append(data, signature);
            put({.owner = node.name(), .type = rr::kRrsig, .ttl = records.ttl, .rdata = data});
        }
        return {};
    }

    void put(const RecordRef& ref) {
        const dns::Record record{*Name::from_wire(ref.owner),
                                 ref.type,
                                 ref.klass,
                                 ref.ttl,
                                 {ref.rdata.begin(), ref.rdata.end()}};
        out_ += fmt::format("{}\t{}\tIN\t{}\t{}\n", record.owner.str(), record.ttl,
                            dns::type_text(record.type), dns::rdata_text(record));
    }

    const Zone& zone_;
    std::span<const SigningKey> keys_;
    const SigningTerms& terms_;
    uint32_t nsec_ttl_ = 0;
    std::string out_;
};

}  // namespace

Result<std::string> sign_zone(const Zone& zone, std::span<const SigningKey> keys,
                              const SigningTerms& terms) {
    if (zone.set(zone.node(0), kNsec3Param) != nullptr) {
        return fail("zone {} is signed with NSEC3 already: give the file it was made of",
                    zone.origin().str());
    }
    return Signer(zone, keys, terms).text();
}

std::optional<Validity> validity_of(const Zone& zone, std::span<const SigningKey> keys) {
    std::optional<Validity> out;
    size_t signed_by = 0;
    const auto* set = zone.set(zone.node(0), rr::kRrsig);
    if (set == nullptr) return std::nullopt;
    for (const auto& key : keys) {
        for (const auto& record : zone.records(*set)) {
            const auto data = record.rdata();
            if (data.size() < kRrsigFixed || (data[0] << 8 | data[1]) != rr::kSoa) continue;
            if ((data[kKeyTagAt] << 8 | data[kKeyTagAt + 1]) != key.tag()) continue;
            const Validity one{number(data, kExpirationAt + 4), number(data, kExpirationAt)};
            out = out ? Validity{std::max(out->inception, one.inception),
                                 std::min(out->expiration, one.expiration)}
                      : one;
            signed_by++;
            break;
        }
    }
    return signed_by == keys.size() ? out : std::nullopt;
}

}  // namespace ipref::resolver

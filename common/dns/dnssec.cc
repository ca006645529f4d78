// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/dnssec.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>

#include "common/dns/ldns.h"

namespace ipref::dns {

namespace {

constexpr size_t kMostSignatures = 8;  // of a set that are looked at
constexpr size_t kMostKeys = 16;       // of a zone
constexpr const char* kNotSigned = "are not signed";
constexpr uint16_t kZoneKey = 0x0100, kRevoked = 0x0080;

/// The fixed part of an RRSIG's data and its signer (RFC 4034 section 3.1).
struct Signature {
    uint16_t covered = 0;
    uint8_t labels = 0;
    uint32_t ttl = 0;
    uint32_t expires = 0;
    uint32_t begins = 0;
    Name signer;

    static std::optional<Signature> read(Bytes rdata) {
        constexpr size_t kFixed = 18;
        if (rdata.size() < kFixed) return std::nullopt;
        Signature out;
        wire::Reader reader(rdata);
        out.covered = reader.u16();
        reader.u8();
        out.labels = reader.u8();
        out.ttl = sane_ttl(reader.u32());
        out.expires = reader.u32();
        out.begins = reader.u32();
        const auto signer = Name::from_wire(rdata.subspan(kFixed));
        if (!signer) return std::nullopt;
        out.signer = *signer;
        return out;
    }
};

/// The time with these 32 bits that is nearest to now (RFC 4034 section 3.1.5).
int64_t near(uint32_t time, int64_t now) {
    return now + static_cast<int32_t>(time - static_cast<uint32_t>(now));
}

std::string date(int64_t time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", parts);
}

bool is_wildcard(const Name& name) {
    const auto label = name.first_label();
    return label.size() == 1 && label[0] == '*';
}

std::string reason(ldns_status status) {
    switch (status) {
        case LDNS_STATUS_CRYPTO_NO_MATCHING_KEYTAG_DNSKEY:
            return "are signed by a key that the zone does not have";
        case LDNS_STATUS_CRYPTO_BOGUS:
            return "are signed, but are not what was signed";
        default:
            return fmt::format("are signed, but: {}", ldns_get_errorstr_by_id(status));
    }
}

/// Empty if it is valid now. By RFC 1982, for ldns takes times after 2038 to be before 1970.
std::string out_of_time(const Signature& signature, int64_t now) {
    const auto expires = near(signature.expires, now);
    if (expires < now) return "are signed, but the signature expired on " + date(expires);
    if (near(signature.begins, now) <= now) return "";
    return "are signed, but the signature is not valid yet; is the clock right?";
}

/// Nothing if one of them is malformed.
LdnsRrList list_of(const std::vector<Record>& records) {
    LdnsRrList list(ldns_rr_list_new());
    for (const auto& record : records) {
        auto rr = to_ldns(record);
        if (!rr) return nullptr;
        ldns_rr_list_push_rr(list.get(), rr->release());
    }
    return list;
}

enum class Wildcards : uint8_t { no, yes };

tl::expected<Proof, std::string> prove_with(const ldns_rr_list* keys, const Name& zone,
                                            const SignedSet& set, int64_t now,
                                            Wildcards wildcards) {
    if (set.records.empty()) return tl::unexpected<std::string>("are not there");
    const auto& owner = set.records[0].owner;
    const auto records = list_of(set.records);
    if (!records) return tl::unexpected<std::string>("are malformed");
    std::string why = kNotSigned;
    for (size_t i = 0; i < std::min(set.signatures.size(), kMostSignatures); i++) {
        const auto& record = set.signatures[i];
        const auto signature = Signature::read(record.rdata);
        if (!signature || signature->covered != set.records[0].type) continue;
        if (signature->signer != zone) {
            why = fmt::format("are signed by {}, not by {}", signature->signer.str(), zone.str());
            continue;
        }
        const size_t own_labels = owner.labels() - (is_wildcard(owner) ? 1 : 0);
        if (signature->labels > own_labels) continue;
        const bool made = signature->labels < own_labels;
        if (made && wildcards == Wildcards::no) {
            why = "are made by a wildcard";
            continue;
        }
        const auto rrsig = to_ldns(record);
        if (!rrsig) continue;
        const LdnsRrList good(ldns_rr_list_new());
        const auto status =
            ldns_verify_rrsig_keylist_notime(records.get(), rrsig->get(), keys, good.get());
        while (ldns_rr_list_pop_rr(good.get()) != nullptr) {  // they belong to `keys`
        }
        const auto now_why =
            status == LDNS_STATUS_OK ? out_of_time(*signature, now) : reason(status);
        if (now_why.empty()) {
            return Proof{near(signature->expires, now), signature->ttl, signature->labels, made};
        }
        // A signature by another key says least about what is wrong with ours.
        const bool foreign = status == LDNS_STATUS_CRYPTO_NO_MATCHING_KEYTAG_DNSKEY;
        if (!foreign || why == kNotSigned) why = now_why;
    }
    return tl::unexpected(why);
}

bool is_usable(const Record& key) {
    if (key.type != rr::kDnskey || key.rdata.size() < 4) return false;
    const auto flags = static_cast<uint16_t>(key.rdata[0] << 8 | key.rdata[1]);
    return (flags & kZoneKey) != 0 && (flags & kRevoked) == 0 && key.rdata[2] == 3;
}

std::optional<ldns_hash> hash_of(const Record& ds) {
    if (ds.rdata.size() < 4) return std::nullopt;
    switch (ds.rdata[3]) {
        case 1:
            return LDNS_SHA1;
        case 2:
            return LDNS_SHA256;
        case 4:
            return LDNS_SHA384;
        default:
            return std::nullopt;
    }
}

bool is_trusted(const Record& key, const TrustAnchors& anchors) {
    const auto rr = to_ldns(key);
    if (!rr) return false;
    return std::any_of(anchors.begin(), anchors.end(), [&](const Record& anchor) {
        if (anchor.owner != key.owner) return false;
        if (anchor.type == rr::kDnskey) return anchor.rdata == key.rdata;
        const auto hash = hash_of(anchor);
        if (anchor.type != rr::kDs || !hash) return false;
        const LdnsRr made(ldns_key_rr2ds(rr->get(), *hash));
        const auto ds = made ? record_of(*made) : fail("no memory");
        return ds && ds->rdata == anchor.rdata;
    });
}

}  // namespace

TrustAnchors root_anchors() {
    TrustAnchors anchors;
    for (const char* line :
         {". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
          ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"}) {
        anchors.push_back(parse_record(line).value());
    }
    return anchors;
}

Result<TrustAnchors> read_anchors(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail("trust anchors {}: cannot be read", path);
    TrustAnchors anchors;
    std::string line;
    for (size_t number = 1; std::getline(file, line); number++) {
        line.resize(std::min(line.find(';'), line.size()));
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        auto record = parse_record(line);
        if (!record)
            return fail("trust anchors {}, line {}: {}", path, number, record.error().text);
        if (record->type != rr::kDs && !is_usable(*record)) {
            return fail("trust anchors {}, line {}: neither a DS nor a zone's DNSKEY record", path,
                        number);
        }
        anchors.push_back(std::move(*record));
    }
    if (anchors.empty()) return fail("trust anchors {}: there is none in it", path);
    return anchors;
}

tl::expected<ZoneKeys, std::string> ZoneKeys::make(const Name& zone, const TrustAnchors& anchors,
                                                   const SignedSet& set, int64_t now) {
    std::vector<Record> keys;
    std::vector<Record> trusted;
    for (const auto& key : set.records) {
        if (key.owner != zone || !is_usable(key) || keys.size() == kMostKeys) continue;
        keys.push_back(key);
        if (is_trusted(key, anchors)) trusted.push_back(key);
    }
    if (keys.empty()) {
        return tl::unexpected(fmt::format("{} has no DNSKEY record: it is not signed", zone.str()));
    }
    if (trusted.empty()) {
        return tl::unexpected(fmt::format("none of the keys of {} is trusted", zone.str()));
    }
    const auto signers = list_of(trusted);
    auto all = list_of(keys);
    if (!signers || !all) return tl::unexpected("malformed DNSKEY records of " + zone.str());
    const auto valid = prove_with(signers.get(), zone, set, now, Wildcards::no);
    if (!valid) {
        return tl::unexpected(
            fmt::format("the DNSKEY records of {} {}", zone.str(), valid.error()));
    }
    ZoneKeys made;
    made.zone_ = zone;
    made.until_ = valid->until;
    made.keys_ = std::shared_ptr<ldns_rr_list>(all.release(), ldns_rr_list_deep_free);
    return made;
}

Validity ZoneKeys::verify(const SignedSet& set, int64_t now) const {
    return prove_with(keys_.get(), zone_, set, now, Wildcards::no).map([](const Proof& proof) {
        return proof.until;
    });
}

tl::expected<Proof, std::string> ZoneKeys::prove(const SignedSet& set, int64_t now) const {
    return prove_with(keys_.get(), zone_, set, now, Wildcards::yes);
}

std::optional<uint16_t> covered_type(Bytes rrsig) {
    const auto signature = Signature::read(rrsig);
    if (!signature) return std::nullopt;
    return signature->covered;
}

SignedSet set_in(Bytes message, const Name& owner, uint16_t type) {
    SignedSet set;
    MessageReader reader(message);
    while (const auto view = reader.record()) {
        if (view->owner != owner || view->klass != klass::kIn) continue;
        if (view->section == Section::additional) continue;
        const bool signature = view->type == rr::kRrsig && covered_type(view->rdata) == type;
        if (view->type != type && !signature) continue;
        auto data = reader.plain_rdata(*view);
        if (!data) return {};
        auto& into = signature ? set.signatures : set.records;
        into.push_back({view->owner, view->type, view->klass, view->ttl, std::move(*data)});
    }
    return set;
}

}  // namespace ipref::dns

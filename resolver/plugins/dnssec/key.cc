// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnssec/key.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "common/dns/ldns.h"

namespace ipref::resolver {

namespace {

struct Algorithm {
    uint8_t number;
    const char* digest;  // null: the algorithm has its own
    size_t coordinate;   // bytes of each half of an ECDSA signature; 0: another kind
};
constexpr Algorithm kAlgorithms[] = {
    {8, "SHA256", 0},   {10, "SHA512", 0}, {13, "SHA256", 32},
    {14, "SHA384", 48}, {15, nullptr, 0},  {16, nullptr, 0},
};

const Algorithm* find_algorithm(uint8_t number) {
    for (const auto& one : kAlgorithms) {
        if (one.number == number) return &one;
    }
    return nullptr;
}

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using LdnsKey = std::unique_ptr<ldns_key, dns::LdnsFree<ldns_key_deep_free>>;

/// The record of a .key file: its first line that is no comment.
Result<dns::Record> read_public(const std::string& path) {
    std::ifstream in(path);
    if (!in) return fail("key file {}: {}", path, std::strerror(errno));
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.front() == ';') continue;
        auto record = dns::parse_record(line);
        if (!record) return fail("key file {}: {}", path, record.error().text);
        constexpr size_t kLeast = 5;
        if (record->type != dns::rr::kDnskey || record->rdata.size() < kLeast) {
            return fail("key file {}: it has no DNSKEY record", path);
        }
        return record;
    }
    return fail("key file {}: it has no DNSKEY record", path);
}

Result<LdnsKey> read_private(const std::string& path) {
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
    if (file == nullptr) return fail("key file {}: {}", path, std::strerror(errno));
    ldns_key* key = nullptr;
    int line = 0;
    const auto status = ldns_key_new_frm_fp_l(&key, file.get(), &line);
    if (status != LDNS_STATUS_OK) {
        return fail("key file {}, line {}: {}", path, line, ldns_get_errorstr_by_id(status));
    }
    return LdnsKey(key);
}

/// Whether the private key's public half is the record's.
bool belong(const LdnsKey& key, const dns::Record& record) {
    ldns_key_set_flags(key.get(), static_cast<uint16_t>(record.rdata[0] << 8 | record.rdata[1]));
    ldns_key_set_pubkey_owner(key.get(), ldns_dname_new_frm_str(record.owner.str().c_str()));
    const dns::LdnsRr rr(ldns_key2rr(key.get()));
    if (rr == nullptr) return false;
    const auto own = dns::record_of(*rr);
    return own && own->rdata == record.rdata;
}

std::vector<uint8_t> halves_of(const std::vector<uint8_t>& der, size_t coordinate) {
    const uint8_t* at = der.data();
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    if (signature == nullptr) return {};
    std::vector<uint8_t> out(2 * coordinate);
    const int size = static_cast<int>(coordinate);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), size);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + coordinate, size);
    ECDSA_SIG_free(signature);
    return out;
}

}  // namespace

Result<SigningKey> SigningKey::load(std::string base) {
    for (const std::string_view suffix : {".key", ".private"}) {
        if (base.ends_with(suffix)) base.resize(base.size() - suffix.size());
    }
    auto record = read_public(base + ".key");
    if (!record) return tl::unexpected(record.error());
    const uint8_t number = record->rdata[3];
    if (find_algorithm(number) == nullptr) {
        return fail("key file {}.key: algorithm {} is not supported; use ECDSAP256SHA256 (13)",
                    base, number);
    }
    auto key = read_private(base + ".private");
    if (!key) return tl::unexpected(key.error());
    if (!belong(*key, *record)) {
        return fail("key file {}.private is not the private key of {}.key", base, base);
    }
    SigningKey out;
    out.owner_ = record->owner.lower();
    out.dnskey_ = record->rdata;
    out.tag_ = ldns_calc_keytag_raw(out.dnskey_.data(), out.dnskey_.size());
    EVP_PKEY* raw = ldns_key_evp_key(key->get());
    EVP_PKEY_up_ref(raw);
    out.private_ =
        std::shared_ptr<void>(raw, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); });
    return out;
}

std::vector<uint8_t> SigningKey::sign(dns::Bytes data) const {
    const auto& algorithm = *find_algorithm(dnskey_[3]);
    struct FreeContext {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    const auto* digest =
        algorithm.digest == nullptr ? nullptr : EVP_get_digestbyname(algorithm.digest);
    auto* key = static_cast<EVP_PKEY*>(private_.get());
    size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1) {
        return {};
    }
    std::vector<uint8_t> out(size);
    if (EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1) return {};
    out.resize(size);
    return algorithm.coordinate == 0 ? out : halves_of(out, algorithm.coordinate);
}

}  // namespace ipref::resolver

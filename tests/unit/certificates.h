// SPDX-License-Identifier: GPL-2.0-or-later
// Certificates for tests, made on the spot: an authority, and what it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace ipref::test {

class Authority {
  public:
    explicit Authority(const std::string& name = "Test authority") : key_(new_key()) {
        certificate_ = make(name, key_.get(), "", true);
    }

    /// Writes `stem`.pem and `stem`.key; `names` as OpenSSL writes alternative names:
    /// "DNS:dns.example,IP:127.0.0.1".
    void issue(const std::filesystem::path& stem, const std::string& names) {
        const auto key = new_key();
        const auto certificate = make("Test", key.get(), names, false);
        write(stem.string() + ".pem", certificate.get());
        std::FILE* out = std::fopen((stem.string() + ".key").c_str(), "w");
        PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
    }
    void write(const std::filesystem::path& path) { write(path, certificate_.get()); }

  private:
    using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
    using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

    static Key new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

    static void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }

    Certificate make(const std::string& subject, EVP_PKEY* key, const std::string& names,
                     bool authority) {
        Certificate out(X509_new(), X509_free);
        X509_set_version(out.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(out.get()), 86400);
        X509_set_pubkey(out.get(), key);
        auto* name = X509_get_subject_name(out.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1,
                                   0);
        X509* issuer = authority ? out.get() : certificate_.get();
        X509_set_issuer_name(out.get(), X509_get_subject_name(issuer));
        extend(out.get(), issuer, NID_basic_constraints,
               authority ? "critical,CA:TRUE" : "CA:FALSE");
        if (!names.empty()) extend(out.get(), issuer, NID_subject_alt_name, names);
        X509_sign(out.get(), key_.get(), EVP_sha256());
        return out;
    }

    static void write(const std::filesystem::path& path, X509* certificate) {
        std::FILE* out = std::fopen(path.c_str(), "w");
        PEM_write_X509(out, certificate);
        std::fclose(out);
    }

    Key key_;
    Certificate certificate_{nullptr, X509_free};
    long serial_ = 0;
};

}  // namespace ipref::test

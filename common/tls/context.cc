// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "common/tls/session.h"

namespace ipref::tls {

namespace {

template <auto free>
struct Free {
    template <typename T>
    void operator()(T* what) const {
        free(what);
    }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

constexpr size_t kMostFile = 1 << 20;  // bytes of a PEM file that somebody may mean

/// Why the last call failed, in OpenSSL's words; empties its list.
std::string reason() {
    std::string out = "unknown error";
    if (const auto code = ERR_peek_last_error(); code != 0) {
        const char* text = ERR_reason_error_string(code);
        out = text != nullptr ? text : fmt::format("error {:#x}", code);
    }
    ERR_clear_error();
    return out;
}

Result<std::string> read_file(std::string_view what, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text;
    if (in) text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in || in.bad()) {
        std::string why = std::strerror(errno != 0 ? errno : EIO);
        if (why[0] >= 'A' && why[0] <= 'Z') why[0] = static_cast<char>(why[0] + 'a' - 'A');
        return fail("could not load TLS {}: open {}: {}", what, path, why);
    }
    if (text.size() > kMostFile) return fail("could not load TLS {}: {} is too large", what, path);
    return text;
}

Bio bio_of(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<std::vector<Certificate>> read_certificates(std::string_view what, const std::string& path) {
    const auto text = read_file(what, path);
    if (!text) return tl::unexpected(text.error());
    std::vector<Certificate> out;
    const auto bio = bio_of(*text);
    while (auto* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        out.emplace_back(one);
    }
    const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const auto why = reason();
    if (!end) {
        return fail("could not load TLS {}: {}: certificate {} of the file is damaged: {}", what,
                    path, out.size() + 1, why);
    }
    if (out.empty()) {
        return fail("could not load TLS {}: {} holds no certificate in PEM form", what, path);
    }
    return out;
}

/// There is nobody to ask for a password.
int no_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return 0;
}

Result<Key> read_key(const std::string& path) {
    const auto text = read_file("key", path);
    if (!text) return tl::unexpected(text.error());
    bool encrypted = false;
    Key key(PEM_read_bio_PrivateKey(bio_of(*text).get(), nullptr, no_password, &encrypted));
    const auto why = reason();
    if (key != nullptr) return key;
    if (encrypted) {
        return fail("could not load TLS key: {} is protected by a password: store it without one",
                    path);
    }
    return fail("could not load TLS key: {} holds no private key in PEM form: {}", path, why);
}

Result<void> use_pair(SSL_CTX* context, const std::string& certificate, const std::string& key) {
    const auto chain = read_certificates("cert", certificate);
    if (!chain) return tl::unexpected(chain.error());
    const auto secret = read_key(key);
    if (!secret) return tl::unexpected(secret.error());
    if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
        return fail("could not load TLS cert: {} cannot be used: {}", certificate, reason());
    }
    for (size_t i = 1; i < chain->size(); i++) {
        SSL_CTX_add1_chain_cert(context, (*chain)[i].get());
    }
    if (SSL_CTX_use_PrivateKey(context, secret->get()) == 1) return {};
    ERR_clear_error();
    return fail("could not load TLS key: the key in {} does not belong to the certificate in {}",
                key, certificate);
}

/// Where distributions keep the authorities, besides OpenSSL's own place.
void trust_system(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
    for (const char* bundle :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
        if (SSL_CTX_load_verify_file(context, bundle) == 1) break;
    }
    ERR_clear_error();
}

Result<void> trust(SSL_CTX* context, const std::string& ca, bool tell_clients) {
    if (ca.empty()) {
        trust_system(context);
        return {};
    }
    const auto authorities = read_certificates("CA", ca);
    if (!authorities) return tl::unexpected(authorities.error());
    for (const auto& one : *authorities) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
        if (tell_clients) SSL_CTX_add_client_CA(context, one.get());
    }
    ERR_clear_error();
    return {};
}

/// In place of verification, which would leave its findings in OpenSSL's queue of errors.
int believe(X509_STORE_CTX*, void*) {
    return 1;
}

void ask_clients(SSL_CTX* context, ClientAuth how) {
    const bool required = how == ClientAuth::require || how == ClientAuth::require_and_verify;
    const bool believed = how == ClientAuth::request || how == ClientAuth::require;
    int mode = how == ClientAuth::nocert ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    if (required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
    if (believed) SSL_CTX_set_cert_verify_callback(context, believe, nullptr);
    // Sessions are resumed only within one context, that is, under the same rules.
    constexpr unsigned char kId[] = "ipref";
    SSL_CTX_set_session_id_context(context, kId, sizeof kId);
}

Result<std::shared_ptr<SSL_CTX>> make(const SSL_METHOD* method) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
    if (context == nullptr) return fail("TLS: {}", reason());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace

Result<Context> Context::server(const ServerOptions& options) {
    auto context = make(TLS_server_method());
    if (!context) return tl::unexpected(context.error());
    if (auto used = use_pair(context->get(), options.certificate, options.key); !used) {
        return tl::unexpected(used.error());
    }
    if (!options.ca.empty() || options.client_auth >= ClientAuth::verify_if_given) {
        if (auto done = trust(context->get(), options.ca, true); !done) {
            return tl::unexpected(done.error());
        }
    }
    ask_clients(context->get(), options.client_auth);
    choose_protocols(context->get());
    return Context(std::move(*context));
}

Result<Context> Context::client(const ClientOptions& options) {
    auto context = make(TLS_client_method());
    if (!context) return tl::unexpected(context.error());
    if (!options.certificate.empty()) {
        if (auto used = use_pair(context->get(), options.certificate, options.key); !used) {
            return tl::unexpected(used.error());
        }
    }
    if (auto done = trust(context->get(), options.ca, false); !done) {
        return tl::unexpected(done.error());
    }
    SSL_CTX_set_verify(context->get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    return Context(std::move(*context));
}

}  // namespace ipref::tls

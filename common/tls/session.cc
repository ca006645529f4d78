// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/tls/session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "common/net/ip.h"

namespace ipref::tls {

namespace {

constexpr size_t kRecord = 16384;  // the most that one record holds

/// Length and text of each, as it stands in the hello.
std::vector<uint8_t> offer(const Protocols& protocols) {
    std::vector<uint8_t> out;
    for (const auto& protocol : protocols) {
        out.push_back(static_cast<uint8_t>(protocol.size()));
        out.insert(out.end(), protocol.begin(), protocol.end());
    }
    return out;
}

}  // namespace

class Session::Impl {
  public:
    Impl(const Context& context, const Protocols& protocols)
        : protocols_(protocols), ssl_(SSL_new(context.get()), SSL_free) {
        BIO* in = BIO_new(BIO_s_mem());
        BIO* out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);  // no bytes now is not the end
        BIO_set_mem_eof_return(out, -1);
        SSL_set_bio(ssl_.get(), in, out);
        SSL_set_app_data(ssl_.get(), this);
    }

    Result<void> expect(const std::string& peer) {
        if (const auto ip = net::Ip::parse(peer)) {
            auto* parameters = SSL_get0_param(ssl_.get());
            X509_VERIFY_PARAM_set1_ip(parameters, ip->data(), ip->size());
        } else if (SSL_set1_host(ssl_.get(), peer.c_str()) != 1 ||
                   SSL_set_tlsext_host_name(ssl_.get(), peer.c_str()) != 1) {
            ERR_clear_error();
            return fail("TLS: \"{}\" is not a name that a server can have", peer);
        }
        const auto wanted = offer(protocols_);
        SSL_set_alpn_protos(ssl_.get(), wanted.data(), static_cast<unsigned>(wanted.size()));
        return {};
    }

    void connect() {
        SSL_set_connect_state(ssl_.get());
        SSL_do_handshake(ssl_.get());
        ERR_clear_error();
    }
    void accept() { SSL_set_accept_state(ssl_.get()); }

    Result<void> received(std::span<const uint8_t> bytes) {
        if (over_) return fail("TLS: the session is over");
        ERR_clear_error();
        BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
        std::array<uint8_t, kRecord> record;
        for (;;) {
            const int count = SSL_read(ssl_.get(), record.data(), record.size());
            if (count <= 0) {
                if (auto checked = check(count); !checked) return checked;
                break;
            }
            plain_.insert(plain_.end(), record.begin(), record.begin() + count);
        }
        if (!early_.empty() && ready()) return send(std::exchange(early_, {}));
        return {};
    }

    Result<void> send(std::span<const uint8_t> plain) {
        if (over_) return fail("TLS: the session is over");
        if (!ready()) {
            early_.insert(early_.end(), plain.begin(), plain.end());
            return {};
        }
        if (plain.empty()) return {};
        ERR_clear_error();
        const int count = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
        return count > 0 ? Result<void>() : check(count);
    }

    void close() {
        if (!over_ && ready()) SSL_shutdown(ssl_.get());
        ERR_clear_error();
        over_ = true;
    }

    std::vector<uint8_t> take_plain() { return std::exchange(plain_, {}); }

    std::vector<uint8_t> take_cipher() {
        BIO* out = SSL_get_wbio(ssl_.get());
        std::vector<uint8_t> bytes(BIO_ctrl_pending(out));
        if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }

    bool ready() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    bool ended() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
    std::string_view protocol() const {
        const unsigned char* at = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &at, &size);
        return {reinterpret_cast<const char*>(at), size};
    }

    static int choose(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                      const unsigned char* offered, unsigned size, void*) {
        const auto* self = static_cast<const Impl*>(SSL_get_app_data(ssl));
        if (self->protocols_.empty()) return SSL_TLSEXT_ERR_NOACK;
        for (const auto& ours : self->protocols_) {
            for (unsigned at = 0; at < size; at += offered[at] + 1U) {
                const std::string_view theirs(reinterpret_cast<const char*>(offered + at + 1),
                                              offered[at]);
                if (theirs != ours) continue;
                *out = offered + at + 1;
                *out_size = offered[at];
                return SSL_TLSEXT_ERR_OK;
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }

  private:
    /// What a call that gave no bytes means: wait for more, the peer's end, or a failure.
    Result<void> check(int count) {
        const int error = SSL_get_error(ssl_.get(), count);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
        if (error == SSL_ERROR_ZERO_RETURN) return {};
        over_ = true;
        const auto verified = SSL_get_verify_result(ssl_.get());
        const auto code = ERR_peek_last_error();
        ERR_clear_error();
        if (verified != X509_V_OK && !ready()) {
            return fail("TLS: the peer's certificate: {}", X509_verify_cert_error_string(verified));
        }
        const char* why = ERR_reason_error_string(code);
        return fail("TLS: {}", why != nullptr ? why : "the connection ended");
    }

    Protocols protocols_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
    std::vector<uint8_t> plain_;
    std::vector<uint8_t> early_;  // given to send() before the handshake was over
    bool over_ = false;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Session Session::server(const Context& context, const Protocols& protocols) {
    auto impl = std::make_unique<Impl>(context, protocols);
    impl->accept();
    return Session(std::move(impl));
}

Result<Session> Session::client(const Context& context, const std::string& peer,
                                const Protocols& protocols) {
    auto impl = std::make_unique<Impl>(context, protocols);
    if (auto done = impl->expect(peer); !done) return tl::unexpected(done.error());
    impl->connect();
    return Session(std::move(impl));
}

Result<void> Session::received(std::span<const uint8_t> bytes) {
    return impl_->received(bytes);
}

Result<void> Session::send(std::span<const uint8_t> plain) {
    return impl_->send(plain);
}

void Session::close() {
    impl_->close();
}

std::vector<uint8_t> Session::take_plain() {
    return impl_->take_plain();
}

std::vector<uint8_t> Session::take_cipher() {
    return impl_->take_cipher();
}

bool Session::ready() const {
    return impl_->ready();
}

bool Session::ended() const {
    return impl_->ended();
}

std::string_view Session::protocol() const {
    return impl_->protocol();
}

void choose_protocols(ssl_ctx_st* context) {
    SSL_CTX_set_alpn_select_cb(context, Session::Impl::choose, nullptr);
}

}  // namespace ipref::tls

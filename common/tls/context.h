// SPDX-License-Identifier: GPL-2.0-or-later
// TLS settings that sessions are made from: certificate, key, trusted authorities. Versions 1.2
// and 1.3, no renegotiation, no compression, no early data.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace ipref::tls {

/// What a server asks of its clients' certificates, as plugin tls names it.
enum class ClientAuth : uint8_t {
    nocert,              ///< none is asked for
    request,             ///< asked for, taken as it is
    require,             ///< must be there, taken as it is
    verify_if_given,     ///< asked for, and verified if it comes
    require_and_verify,  ///< must be there and be good
};

/// Files are PEM; each may hold a chain. Errors name the file and what is wrong with it.
struct ServerOptions {
    std::string certificate;  ///< own certificate first, then those between it and the root
    std::string key;
    std::string ca;  ///< who may sign clients' certificates; empty: the system's authorities
    ClientAuth client_auth = ClientAuth::nocert;
};

struct ClientOptions {
    std::string ca;           ///< who may sign the server's; empty: the system's authorities
    std::string certificate;  ///< own one; empty: none, and no key
    std::string key;
    bool verify = true;  ///< false: any server is believed
};

/// Cannot be changed once it is made; sessions of any thread may be made from it. Copies are cheap
/// and share it.
class Context {
  public:
    static Result<Context> server(const ServerOptions& options);
    static Result<Context> client(const ClientOptions& options);
    ssl_ctx_st* get() const { return context_.get(); }

  private:
    explicit Context(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
    std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace ipref::tls

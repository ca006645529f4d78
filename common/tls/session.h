// SPDX-License-Identifier: GPL-2.0-or-later
// One end of a TLS connection as bytes in and bytes out (OpenSSL over memory): no socket, no
// timers. Whoever owns the socket does
//
//     session.received(bytes)      with what was read, and then
//     session.take_plain()         decrypted bytes
//     session.take_cipher()        bytes to be written, also after send(), start() and close()
//
// Memory is bounded by what is given and not taken: a record (16 KB) of an unfinished read, and
// what send() was given before the handshake was over.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/tls/context.h"

namespace ipref::tls {

/// Protocols as ALPN names them (RFC 7301), most wanted first: {"h2", "http/1.1"}, {"dot"}.
using Protocols = std::vector<std::string>;

class Session {
  public:
    /// The server's end. A client that offers protocols, none of them ours, is refused.
    static Session server(const Context& context, const Protocols& protocols);
    /// The client's end: `peer`, a host name or an address, is what the server's certificate must
    /// name; a host name is also sent (SNI). Its first bytes wait in take_cipher().
    static Result<Session> client(const Context& context, const std::string& peer,
                                  const Protocols& protocols);
    ~Session();
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;

    /// What came from the peer. On an error (the text says which) the session is over; an alert
    /// for the peer may wait in take_cipher().
    Result<void> received(std::span<const uint8_t> bytes);
    /// Encrypts for the peer; before the handshake is over it is kept until then.
    Result<void> send(std::span<const uint8_t> plain);
    /// Says to the peer that nothing follows.
    void close();

    std::vector<uint8_t> take_plain();
    std::vector<uint8_t> take_cipher();

    /// The handshake is over: the peer is verified as the context asks.
    bool ready() const;
    /// The peer has said that nothing follows.
    bool ended() const;
    /// The protocol agreed upon; empty if none.
    std::string_view protocol() const;

  private:
    class Impl;
    explicit Session(std::unique_ptr<Impl> impl);
    friend void choose_protocols(ssl_ctx_st* context);
    std::unique_ptr<Impl> impl_;
};

/// Has the server's sessions of a context choose among their protocols; for Context only.
void choose_protocols(ssl_ctx_st* context);

}  // namespace ipref::tls

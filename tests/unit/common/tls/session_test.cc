// SPDX-License-Identifier: GPL-2.0-or-later
// Both ends of TLS against each other in memory.
#include "common/tls/session.h"

#include <algorithm>
#include <fstream>

#include "common/tls/live_context.h"
#include "unit/catch.h"
#include "unit/certificates.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::tls;
using Catch::Matchers::Contains;

namespace {

struct Pki {
    test::TemporaryDirectory directory;
    test::Authority authority;

    Pki() {
        authority.write(directory.path() / "ca.pem");
        authority.issue(directory.path() / "server", "DNS:dns.example,IP:127.0.0.1");
        authority.issue(directory.path() / "client", "DNS:client.example");
        test::Authority("Stranger").write(directory.path() / "stranger.pem");
    }
    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    ServerOptions server() const { return {path("server.pem"), path("server.key"), {}, {}}; }
    ClientOptions client() const { return {path("ca.pem"), {}, {}, true}; }
};

std::string text(const std::vector<uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
}

std::span<const uint8_t> bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Two ends, and what each said in the end: "" as long as all is well.
struct Ends {
    Session client, server;
    std::string client_error, server_error;

    Ends(const Context& c, const Context& s, const std::string& peer = "dns.example",
         const Protocols& wanted = {}, const Protocols& offered = {})
        : client(*Session::client(c, peer, wanted)), server(Session::server(s, offered)) {}

    /// Carries bytes to and fro until nothing is left to carry, `piece` bytes at a time.
    void carry(size_t piece = 100'000) {
        for (bool moved = true; moved;) {
            moved = pass(client, server, server_error, piece);
            moved |= pass(server, client, client_error, piece);
        }
    }
    bool well() const { return client.ready() && server.ready() && errors().empty(); }
    std::string errors() const { return client_error + server_error; }

  private:
    static bool pass(Session& from, Session& to, std::string& error, size_t piece) {
        const auto cipher = from.take_cipher();
        for (size_t at = 0; at < cipher.size() && error.empty(); at += piece) {
            const auto size = std::min(piece, cipher.size() - at);
            const auto taken = to.received(std::span(cipher).subspan(at, size));
            if (!taken) error = taken.error().text;
        }
        return !cipher.empty();
    }
};

Ends ends(const ServerOptions& server, const ClientOptions& client,
          const std::string& peer = "dns.example") {
    const auto s = Context::server(server);
    const auto c = Context::client(client);
    if (!s) FAIL(s.error().text);
    if (!c) FAIL(c.error().text);
    Ends out(*c, *s, peer);
    out.carry();
    return out;
}

}  // namespace

TEST_CASE("What one end of TLS sends the other one reads, in any pieces", "[tls]") {
    const Pki pki;
    Ends two(*Context::client(pki.client()), *Context::server(pki.server()));
    REQUIRE(two.client.send(bytes("early")));  // kept until the handshake is over
    two.carry(1);
    REQUIRE(two.well());
    CHECK(text(two.server.take_plain()) == "early");
    const std::string large(100'000, 'x');
    REQUIRE(two.server.send(bytes(large)));
    two.carry(1000);
    CHECK(text(two.client.take_plain()) == large);
    two.client.close();
    two.carry();
    CHECK(two.server.ended());
    CHECK_FALSE(two.client.send(bytes("late")));
}

TEST_CASE("A client checks the server's name and who signed it", "[tls]") {
    const Pki pki;
    CHECK(ends(pki.server(), pki.client()).well());
    CHECK(ends(pki.server(), pki.client(), "127.0.0.1").well());
    const auto other_name = ends(pki.server(), pki.client(), "other.example");
    CHECK_THAT(other_name.client_error, Contains("ostname mismatch"));
    CHECK_FALSE(other_name.server_error.empty());
    CHECK_THAT(ends(pki.server(), pki.client(), "127.0.0.2").client_error,
               Contains("IP address mismatch"));
    CHECK_FALSE(ends(pki.server(), {pki.path("stranger.pem"), {}, {}, true}).well());
    CHECK_FALSE(ends(pki.server(), {{}, {}, {}, true}).well());
    CHECK(ends(pki.server(), {{}, {}, {}, false}, "other.example").well());
}

TEST_CASE("Clients' certificates by each mode of client_auth", "[tls]") {
    const Pki pki;
    auto with = pki.client();
    with.certificate = pki.path("client.pem");
    with.key = pki.path("client.key");
    const auto admits = [&](ClientAuth how, const ClientOptions& client, const char* ca) {
        auto server = pki.server();
        server.ca = pki.path(ca);
        server.client_auth = how;
        return ends(server, client).well();
    };
    CHECK(admits(ClientAuth::nocert, pki.client(), "ca.pem"));
    CHECK(admits(ClientAuth::request, pki.client(), "ca.pem"));
    CHECK(admits(ClientAuth::request, with, "stranger.pem"));
    CHECK_FALSE(admits(ClientAuth::require, pki.client(), "ca.pem"));
    CHECK(admits(ClientAuth::require, with, "stranger.pem"));
    CHECK(admits(ClientAuth::verify_if_given, pki.client(), "ca.pem"));
    CHECK(admits(ClientAuth::verify_if_given, with, "ca.pem"));
    CHECK_FALSE(admits(ClientAuth::verify_if_given, with, "stranger.pem"));
    CHECK_FALSE(admits(ClientAuth::require_and_verify, pki.client(), "ca.pem"));
    CHECK(admits(ClientAuth::require_and_verify, with, "ca.pem"));
    CHECK_FALSE(admits(ClientAuth::require_and_verify, with, "stranger.pem"));
}

TEST_CASE("The server chooses the protocol it wants most, or refuses", "[tls]") {
    const Pki pki;
    const auto agreed = [&](const Protocols& wanted, const Protocols& offered) -> std::string {
        Ends two(*Context::client(pki.client()), *Context::server(pki.server()), "dns.example",
                 wanted, offered);
        two.carry();
        return two.well() ? std::string(two.client.protocol()) : "refused";
    };
    CHECK(agreed({"http/1.1", "h2"}, {"h2", "http/1.1"}) == "h2");
    CHECK(agreed({"http/1.1"}, {"h2", "http/1.1"}) == "http/1.1");
    CHECK(agreed({}, {"dot"}).empty());
    CHECK(agreed({"dot"}, {}).empty());
    CHECK(agreed({"smtp"}, {"dot"}) == "refused");
}

TEST_CASE("What is no TLS, or damaged, ends the session with a reason", "[tls]") {
    const Pki pki;
    const auto context = *Context::server(pki.server());
    auto plain = Session::server(context, {});
    const auto refused = plain.received(bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().text, Contains("http request"));
    CHECK_FALSE(plain.received(bytes("more")));
    Ends two(*Context::client(pki.client()), context);
    two.carry();
    REQUIRE(two.server.send(bytes("text")));
    auto cipher = two.server.take_cipher();
    cipher.back() ^= 1;
    CHECK_FALSE(two.client.received(cipher));
}

TEST_CASE("Files that do not work are named, with the reason", "[tls]") {
    const Pki pki;
    std::ofstream(pki.path("text.pem")) << "no certificate\n";
    std::ofstream(pki.path("broken.pem"))
        << "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const auto error = [&](const char* certificate, const char* key) {
        const auto made = Context::server({pki.path(certificate), pki.path(key), {}, {}});
        return made ? "" : made.error().text;
    };
    CHECK(error("none.pem", "server.key") ==
          "could not load TLS cert: open " + pki.path("none.pem") + ": no such file or directory");
    CHECK(error("server.pem", "none.key") ==
          "could not load TLS key: open " + pki.path("none.key") + ": no such file or directory");
    CHECK_THAT(error("text.pem", "server.key"), Contains("text.pem holds no certificate"));
    CHECK_THAT(error("broken.pem", "server.key"), Contains("certificate 1 of the file is damaged"));
    CHECK_THAT(error("server.pem", "text.pem"), Contains("text.pem holds no private key"));
    CHECK_THAT(error("server.pem", "client.key"), Contains("does not belong to the certificate"));
    const auto ca = Context::client({pki.path("text.pem"), {}, {}, true});
    CHECK_THAT(ca.error().text, Contains("could not load TLS CA") && Contains("text.pem"));
    CHECK_FALSE(Session::client(*Context::client(pki.client()), "", {}));
}

TEST_CASE("Certificates that change are loaded, bad ones are not", "[tls]") {
    Pki pki;
    run::Loop loop;
    auto made = LiveContext::open({pki.path("server.pem"), pki.path("server.key")},
                                  [&] { return Context::server(pki.server()); });
    REQUIRE(made);
    auto& live = **made;
    live.watch(loop);
    const auto until = [&](const std::function<bool()>& condition) {
        int looks = 0;
        run::Timer look(loop, [&] {
            if (condition() || looks++ > 2000) loop.stop();
        });
        look.start(run::Milliseconds(0), run::Milliseconds(10));
        loop.run();
        return condition();
    };
    const auto names = [&](const std::string& peer) {
        Ends two(*Context::client(pki.client()), live.current(), peer);
        two.carry();
        return two.well();
    };
    CHECK(names("dns.example"));
    pki.authority.issue(pki.directory.path() / "server", "DNS:new.example");
    CHECK(until([&] { return names("new.example"); }));
    const auto* before = live.current().get();
    std::ofstream(pki.path("server.pem")) << "nothing\n";
    bool settled = false;  // a change of another file is seen after that of this one
    pki.authority.write(pki.path("other.pem"));
    run::FileWatcher other(loop, pki.path("other.pem"), [&] { settled = true; });
    std::ofstream(pki.path("other.pem"), std::ios::app) << "more\n";
    CHECK(until([&] { return settled; }));
    CHECK(live.current().get() == before);
    pki.authority.issue(pki.directory.path() / "server", "DNS:third.example");
    CHECK(until([&] { return names("third.example"); }));
    live.stop();
}

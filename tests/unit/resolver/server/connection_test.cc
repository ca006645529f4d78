// SPDX-License-Identifier: GPL-2.0-or-later
// Streams: plain, over TLS and over HTTPS; limits, slow clients, what EDNS has for streams.
#include "resolver/server/connection.h"

#include "resolver/server/doh.h"
#include "resolver/server/server.h"
#include "unit/certificates.h"
#include "unit/resolver/server/client.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Client;
using test::framed;
using test::Message;

namespace {

const net::Ip kLoopback = *net::Ip::parse("127.0.0.1");

/// A listener whose limits the test chooses, in front of one server block.
struct Listening {
    run::Loop loop;
    Runner runner{loop, 0};
    net::Endpoint at{kLoopback, test::free_port()};
    std::shared_ptr<Config> config;
    std::unique_ptr<TcpListener> listener;

    explicit Listening(const TcpLimits& limits, const std::string& body = "whoami",
                       const std::string& transport = "dns",
                       std::shared_ptr<ConnectionTable> table = nullptr) {
        auto loaded = load_config(fmt::format("{}://.:5 {{\n {}\n}}\n", transport, body), {});
        if (!loaded) FAIL(loaded.error().text);
        config = *loaded;
        REQUIRE(runner.use(config));
        if (table == nullptr) table = std::make_shared<ConnectionTable>();
        listener = std::make_unique<TcpListener>(
            runner, *bind_socket(SocketKind::tcp, at, Sharing::with_ours), transport, table,
            limits);
        listener->route(&config->listeners.begin()->second);
    }
    ~Listening() {
        runner.shut_down();
        listener->retire();
        test::run_until(loop, [&] { return listener->pending() == 0; });
        listener.reset();
    }
    Client client() { return {loop, SOCK_STREAM, at.port}; }
};

Message query(uint16_t id, const std::string& name = "a.test") {
    return test::query_for(name, dns::rr::kA, id);
}

/// The options of the answer's OPT record.
std::optional<Message> option_of(const Message& answer, uint16_t code) {
    dns::MessageReader reader(answer);
    while (const auto record = reader.record()) {
        if (record->type != dns::rr::kOpt) continue;
        const auto found = dns::Edns::from(*record).option(code);
        if (found) return Message(found->begin(), found->end());
    }
    return std::nullopt;
}

Message query_with_options(uint16_t id, const std::vector<uint8_t>& options) {
    Message space(512);
    dns::MessageWriter writer(space);
    writer.question({*dns::Name::parse("a.test"), dns::rr::kA});
    writer.edns({.options = options});
    const auto whole = writer.finish(id, dns::flag::kRd);
    return {whole.begin(), whole.end()};
}

/// The client's end of TLS over a Client.
struct TlsClient {
    const Client& client;
    tls::Session session;
    TlsClient(const Client& the_client, const std::string& ca, const tls::Protocols& protocols,
              const std::string& own = {})  // its certificate's file, without ".pem"
        : client(the_client),
          session(
              *tls::Session::client(*tls::Context::client({ca, own.empty() ? own : own + ".pem",
                                                           own.empty() ? own : own + ".key", true}),
                                    "dns.example", protocols)) {}
    void flush() {
        const auto cipher = session.take_cipher();
        if (!cipher.empty()) client.send(cipher);
    }
    void send(const Message& plain) {
        REQUIRE(session.send(plain));
        flush();
    }
    /// Until `enough`, or the connection's end.
    Message receive(const std::function<bool(const Message&)>& enough) {
        Message out;
        while (!enough(out)) {
            const auto cipher = client.receive();
            if (cipher.empty() || !session.received(cipher)) break;
            flush();
            const auto plain = session.take_plain();
            out.insert(out.end(), plain.begin(), plain.end());
        }
        return out;
    }
};

struct Pki {
    test::TemporaryDirectory directory;
    test::Authority authority;
    std::string ca = directory.file("ca.pem");
    std::string tls;
    Pki() {
        authority.write(ca);
        authority.issue(directory.path() / "server", "DNS:dns.example");
        tls =
            fmt::format("tls {} {}\n", directory.file("server.pem"), directory.file("server.key"));
    }
};

bool whole_message(const Message& bytes) {
    return bytes.size() >= 2 && bytes.size() >= 2 + (static_cast<size_t>(bytes[0]) << 8 | bytes[1]);
}

}  // namespace

TEST_CASE(
    "GHSA-2wpx-qpw2-g5h5: connections that say nothing are closed, and one address has so many",
    "[stream][advisory]") {
    TcpLimits limits;
    limits.times.read = run::Milliseconds(30);
    Listening bench(limits, "whoami", "dns", std::make_shared<ConnectionTable>(100, 2));
    const auto first = bench.client();
    const auto second = bench.client();
    test::run_until(bench.loop, [&] { return bench.listener->pending() == 2; });
    const auto third = bench.client();
    CHECK(third.receive().empty());
    second.send({0});  // half a length does not help
    CHECK(second.receive().empty());
    CHECK(first.receive().empty());
    CHECK(bench.listener->pending() == 0);
}

TEST_CASE("CVE-2025-68151: so many connections in all, so many of a client, an IPv6 /64 being one",
          "[stream][advisory]") {
    ConnectionTable table(12, 3);
    const auto ip = [](const char* text) { return *net::Ip::parse(text); };
    for (int i = 0; i < 3; i++) CHECK(table.enter(ip("192.0.2.1")));
    CHECK_FALSE(table.enter(ip("192.0.2.1")));
    for (const char* host : {"2001:db8::1", "2001:db8::2", "2001:db8::3"}) {
        CHECK(table.enter(ip(host)));
    }
    CHECK_FALSE(table.enter(ip("2001:db8::4")));
    CHECK(table.enter(ip("2001:db8:0:1::4")));
    for (int i = 0; i < 3; i++) CHECK(table.enter(ip("192.0.2.2")));
    CHECK_FALSE(table.crowded());
    CHECK(table.enter(ip("192.0.2.3")));
    CHECK(table.crowded());
    CHECK(table.enter(ip("192.0.2.4")));
    CHECK_FALSE(table.enter(ip("192.0.2.5")));
    table.leave(ip("192.0.2.1"));
    table.leave(ip("192.0.2.1"));
    CHECK_FALSE(table.crowded());
    CHECK(table.enter(ip("192.0.2.1")));
}

TEST_CASE("A client that asks and never reads is cut off", "[stream]") {
    TcpLimits limits;
    limits.times.write = run::Milliseconds(50);
    limits.unsent = 4096;
    Listening bench(limits);
    const auto client = bench.client();
    Message many;
    for (uint16_t id = 0; id < 5000; id++) {
        const auto one = framed(query(id));
        many.insert(many.end(), one.begin(), one.end());
    }
    // Until the server has had enough: its answers fill the sockets, then nothing moves.
    test::run_until(bench.loop, [&] {
        send(client.fd.get(), many.data(), many.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return bench.listener->pending() == 0 && bench.runner.in_flight() == 0;
    });
    CHECK(bench.listener->pending() == 0);
}

TEST_CASE("DNS over TLS: questions, padding, the idle time, and the end", "[stream][tls]") {
    const Pki pki;
    Listening bench({}, pki.tls + "whoami", "tls");
    const auto plain = bench.client();
    TlsClient client(plain, pki.ca, {"dot"});
    std::vector<uint8_t> options;
    dns::append_option(options, dns::option::kKeepalive, {});
    dns::append_option(options, dns::option::kPadding, std::vector<uint8_t>(5));
    client.send(framed(query_with_options(7, options)));
    auto answer = client.receive(whole_message);
    CHECK(client.session.protocol() == "dot");
    REQUIRE(answer.size() == 2 + 468);
    answer.erase(answer.begin(), answer.begin() + 2);
    CHECK(dns::Header::read(answer)->id == 7);
    CHECK(option_of(answer, dns::option::kKeepalive) == Message{0, 100});
    CHECK(option_of(answer, dns::option::kPadding).has_value());
    dns::MessageReader reader(answer);
    while (reader.record()) continue;
    CHECK(reader.done());
    client.send(framed(query(8)));  // who does not ask for it gets neither
    answer = client.receive(whole_message);
    CHECK(answer.size() < 200);
    client.session.close();
    client.flush();
    CHECK(plain.receive().size() < 100);  // what is left is the word that it ends
    CHECK(plain.receive().empty());
}

TEST_CASE("Plain TCP tells the idle time, UDP and plain streams do not pad", "[stream]") {
    Listening bench({}, "timeouts {\n idle 30s\n}\nwhoami");
    const auto client = bench.client();
    std::vector<uint8_t> options;
    dns::append_option(options, dns::option::kKeepalive, {});
    dns::append_option(options, dns::option::kPadding, {});
    client.send(framed(query_with_options(1, options)));
    const auto answer = client.receive_framed();
    CHECK(option_of(answer, dns::option::kKeepalive) == Message{1, 44});
    CHECK_FALSE(option_of(answer, dns::option::kPadding));
}

TEST_CASE("Whose certificate a client must show", "[stream][tls]") {
    Pki pki;
    pki.authority.issue(pki.directory.path() / "ours", "DNS:client.example");
    test::Authority stranger;
    stranger.issue(pki.directory.path() / "theirs", "DNS:client.example");
    // Answered, with none, with one of the authority's, with one of another's.
    struct Row {
        const char* mode;
        bool none, ours, theirs;
    };
    const Row rows[] = {
        {"nocert", true, true, true},
        {"request", true, true, true},
        {"require", false, true, true},
        {"verify_if_given", true, true, false},
        {"require_and_verify", false, true, false},
    };
    auto files = pki.tls;
    files.pop_back();
    for (const auto& row : rows) {
        Listening bench({}, files + " " + pki.ca + " {\n client_auth " + row.mode + "\n }\n whoami",
                        "tls");
        const auto answered = [&](const std::string& own) {
            const auto plain = bench.client();
            TlsClient client(plain, pki.ca, {"dot"}, own.empty() ? own : pki.directory.file(own));
            client.send(framed(query(7)));
            return whole_message(client.receive(whole_message));
        };
        INFO(row.mode);
        CHECK(answered("") == row.none);
        CHECK(answered("ours") == row.ours);
        CHECK(answered("theirs") == row.theirs);
    }
}

TEST_CASE("What is no TLS is hung up on", "[stream][tls]") {
    const Pki pki;
    Listening bench({}, pki.tls + "whoami", "tls");
    const auto client = bench.client();
    client.send(framed(query(1)));
    while (!client.receive().empty()) continue;  // an alert, then the end
    CHECK(bench.listener->pending() == 0);
}

TEST_CASE("DNS over HTTPS with HTTP/1.1, over TLS and behind a proxy", "[stream][doh]") {
    const Pki pki;
    const auto message = query(0);
    const auto post = fmt::format(
        "POST /dns-query HTTP/1.1\r\nContent-Type: application/dns-message\r\n"
        "Content-Length: {}\r\n\r\n{}",
        message.size(), std::string(message.begin(), message.end()));
    const Message request(post.begin(), post.end());
    const auto check = [](const Message& answer) {
        const std::string text(answer.begin(), answer.end());
        CHECK_THAT(text, Catch::Matchers::StartsWith("HTTP/1.1 200 OK\r\n") &&
                             Catch::Matchers::Contains("application/dns-message"));
        const auto body = text.find("\r\n\r\n") + 4;
        CHECK(dns::Header::read(Bytes(answer).subspan(body))->additionals == 2);
    };
    const auto headed = [](const Message& bytes) { return bytes.size() > 150; };
    {
        Listening bench({}, pki.tls + "whoami", "https");
        const auto plain = bench.client();
        TlsClient client(plain, pki.ca, {"http/1.1"});
        client.send(request);
        check(client.receive(headed));
        client.send(request);
        check(client.receive(headed));
        const auto text = bench.config->metrics->text();
        CHECK_THAT(text, Catch::Matchers::Contains(
                             "coredns_dns_https_responses_total{server=\"https://:5\",status="
                             "\"200\"} 2"));
    }
    Listening bench({}, "whoami", "https");
    const auto client = bench.client();
    client.send(request);
    check(client.receive());
}

TEST_CASE("Corefiles with timeouts and certificates, good and bad", "[stream][tls]") {
    using Catch::Matchers::Contains;
    const Pki pki;
    const auto load = [](const std::string& text) { return load_config(text, {}); };
    const auto times = [&](const std::string& options) {
        const auto config =
            load(fmt::format(". {{\n timeouts {{\n{}\n }}\n whoami\n}}\n", options));
        return config ? config.value()->listeners.begin()->second.times : std::nullopt;
    };
    CHECK(times("read 5s\n write 24h\n idle 1m30s")->idle == run::Milliseconds(90'000));
    CHECK(times("read 5")->read == run::Milliseconds(5000));
    CHECK(times("read 5")->write == run::Milliseconds(5000));
    for (const char* bad : {"read 0", "read 25h", "read", "read x", "read 5s 6s", "wait 5s"}) {
        INFO(bad);
        CHECK_FALSE(times(bad));
    }
    const auto error = [&](const std::string& options) {
        const auto config = load(fmt::format("tls://. {{\n {}\n whoami\n}}\n", options));
        return config ? "" : config.error().text;
    };
    auto good = pki.tls;
    good.pop_back();
    CHECK(error(good).empty());
    CHECK(error(good + " " + pki.ca + " {\n client_auth require_and_verify\n }").empty());
    CHECK_THAT(error("tls a.pem b.key"),
               Contains("plugin/tls: Corefile:2:") && Contains("open a.pem: no such file"));
    CHECK_THAT(error("tls a.pem"), Contains("Wrong argument count"));
    CHECK_THAT(error(good + " {\n client_auth maybe\n }"), Contains("require_and_verify"));
    CHECK_THAT(error(good + "\n " + good), Contains("already configured"));
    CHECK_THAT(load("tls://.:5 https://.:5 {\n whoami\n}\n").error().text,
               Contains("https:// and tls:// cannot share a port"));
    const auto plain = load("https://. {\n whoami\n}\n");
    REQUIRE(plain);
    CHECK_THAT((*plain)->warnings.at(0), Contains("https://:443 has no plugin tls"));
}

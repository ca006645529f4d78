// SPDX-License-Identifier: GPL-2.0-or-later
// The server over real sockets on loopback: UDP, TCP, second instances, reloads, stopping.
#include "resolver/server/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <set>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/resolver/server/client.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Client;
using test::framed;
using test::free_port;
using test::Message;

namespace {

struct Bench {
    run::Loop loop;
    Server server{loop};
    uint16_t port = free_port();

    Result<void> use(const std::string& body = "whoami", const std::string& bind = "127.0.0.1") {
        auto config =
            load_config(fmt::format(".:{} {{\n bind {}\n {}\n}}\n", port, bind, body), {});
        REQUIRE(config);
        return server.use(*config);
    }
    ~Bench() {
        bool stopped = false;
        server.stop(run::Milliseconds(0), [&] { stopped = true; });
        test::run_until(loop, [&] { return stopped; });
    }
};

uint16_t rcode(const Message& message) {
    const auto header = dns::Header::read(message);
    REQUIRE(header);
    return header->rcode();
}

}  // namespace

TEST_CASE("Questions over UDP, bad ones among them", "[server]") {
    Bench bench;
    REQUIRE(bench.use());
    const Client client(bench.loop, SOCK_DGRAM, bench.port);
    client.send(test::query_for("a.test", dns::rr::kA, 5));
    const auto answer = client.receive();
    CHECK(dns::Header::read(answer)->id == 5);
    CHECK(dns::Header::read(answer)->additionals == 2);
    client.send({1, 2, 3});  // nothing comes back
    auto update = test::query_for("a.test", dns::rr::kA, 6);
    update[2] = 0x28;
    client.send(update);
    const auto refused = client.receive();
    CHECK(refused.size() == 12);
    CHECK(dns::Header::read(refused)->id == 6);
    CHECK(rcode(refused) == dns::rcode::kNotImp);
}

TEST_CASE("Questions that arrive together are answered together, each its own", "[server]") {
    // An alias out of the zone is answered later, from the loop, beside others that are at once.
    test::TemporaryDirectory folder;
    const auto zone = folder.path() / "db";
    std::ofstream(zone) << "@ 60 SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
                           "near A 192.0.2.2\nfar CNAME a.who.test.\n";
    Bench bench;
    auto config =
        load_config(fmt::format("z.test:{0} {{\n bind 127.0.0.1\n file {1}\n multisocket 1\n}}\n"
                                "who.test:{0} {{\n bind 127.0.0.1\n whoami\n}}\n",
                                bench.port, zone.string()),
                    {});
    REQUIRE(config);
    REQUIRE(bench.server.use(*config));
    const Client client(bench.loop, SOCK_DGRAM, bench.port);
    constexpr uint16_t kCount = 150;  // more than two batches
    for (uint16_t id = 1; id <= kCount; id++) {
        client.send(test::query_for(id % 3 == 0 ? "far.z.test" : "near.z.test", dns::rr::kA, id));
        if (id % 10 == 0) client.send({1, 2, 3});
    }
    std::set<uint16_t> answered;
    for (uint16_t i = 0; i < kCount; i++) {
        const auto answer = client.receive();
        const auto header = dns::Header::read(answer);
        REQUIRE(header);
        CHECK(header->rcode() == dns::rcode::kNoError);
        CHECK(header->answers == 1);
        CHECK(answered.insert(header->id).second);
    }
    CHECK(*answered.rbegin() == kCount);
}

TEST_CASE("Answers of a wildcard listener come from the address that was asked", "[server]") {
    Bench bench;
    REQUIRE(bench.use("whoami", "0.0.0.0"));
    // The client is connected: an answer from another address would never arrive.
    const Client client(bench.loop, SOCK_DGRAM, bench.port);
    client.send(test::query_for("a.test", dns::rr::kA, 5));
    CHECK(dns::Header::read(client.receive())->id == 5);
}

TEST_CASE("Many questions over one TCP connection, in any pieces", "[server]") {
    Bench bench;
    REQUIRE(bench.use());
    const Client client(bench.loop, SOCK_STREAM, bench.port);
    Message stream;
    for (uint16_t id = 1; id <= 300; id++) {
        const auto one = framed(test::query_for("a.test", dns::rr::kA, id));
        stream.insert(stream.end(), one.begin(), one.end());
    }
    const auto middle = stream.begin() + 3;
    client.send({stream.begin(), middle});
    for (int i = 0; i < 5; i++) uv_run(bench.loop.raw(), UV_RUN_NOWAIT);
    client.send({middle, stream.end()});
    for (uint16_t id = 1; id <= 300; id++)
        CHECK(dns::Header::read(client.receive_framed())->id == id);
    // The other half is closed: what was asked is still answered, then the connection ends.
    client.send(framed(test::query_for("b.test", dns::rr::kA, 7)));
    shutdown(client.fd.get(), SHUT_WR);
    CHECK(dns::Header::read(client.receive_framed())->id == 7);
    CHECK(client.receive().empty());
}

TEST_CASE("A second instance is refused, with a word that says why", "[server]") {
    Bench bench;
    REQUIRE(bench.use());
    run::Loop loop;
    Server other(loop);
    const auto config =
        load_config(fmt::format(".:{} {{\n bind 127.0.0.1\n whoami\n}}\n", bench.port), {});
    const auto used = other.use(*config);
    REQUIRE_FALSE(used);
    CHECK_THAT(used.error().text,
               Catch::Matchers::Contains(fmt::format("127.0.0.1:{}", bench.port)) &&
                   Catch::Matchers::Contains("another instance"));
    const auto foreign = load_config(".:5 {\n bind 192.0.2.77\n whoami\n}\n", {});
    CHECK_THAT(other.use(*foreign).error().text,
               Catch::Matchers::Contains("no interface of this machine has the address"));
}

TEST_CASE("Reloads keep sockets and connections, and open and close others", "[server]") {
    Bench bench;
    REQUIRE(bench.use());
    const Client udp(bench.loop, SOCK_DGRAM, bench.port);
    const Client tcp(bench.loop, SOCK_STREAM, bench.port);
    const auto ask = [&](const Client& client, bool stream) {
        const auto query = test::query_for("a.test", dns::rr::kA, 9);
        client.send(stream ? framed(query) : query);
        return rcode(stream ? client.receive_framed() : client.receive());
    };
    CHECK(ask(udp, false) == dns::rcode::kNoError);
    CHECK(ask(tcp, true) == dns::rcode::kNoError);
    REQUIRE(bench.use("errors"));  // nobody answers: SERVFAIL
    CHECK(ask(udp, false) == dns::rcode::kServFail);
    CHECK(ask(tcp, true) == dns::rcode::kServFail);
    // From one address to all of them on the same port, and back.
    REQUIRE(bench.use("whoami", "0.0.0.0"));
    CHECK(ask(Client(bench.loop, SOCK_DGRAM, bench.port), false) == dns::rcode::kNoError);
    CHECK(tcp.receive().empty());
    REQUIRE(bench.use("errors"));
    CHECK(ask(Client(bench.loop, SOCK_DGRAM, bench.port), false) == dns::rcode::kServFail);
}

TEST_CASE("A reload that cannot bind leaves everything as it was", "[server]") {
    Bench bench;
    REQUIRE(bench.use());
    const auto* before = bench.server.config();
    auto config = load_config(
        fmt::format(".:{} {{\n bind 127.0.0.1 192.0.2.77\n whoami\n}}\n", bench.port), {});
    REQUIRE_FALSE(bench.server.use(*config));
    CHECK(bench.server.config() == before);
    const Client client(bench.loop, SOCK_DGRAM, bench.port);
    client.send(test::query_for("a.test", dns::rr::kA));
    CHECK(rcode(client.receive()) == dns::rcode::kNoError);
}

TEST_CASE("Every worker feeds the watchdog; one whose loop does not turn starves it", "[server]") {
    Bench bench;
    REQUIRE(bench.use("whoami\n multisocket 2"));
    REQUIRE(bench.server.workers() == 2);
    CHECK(bench.server.all_alive());
    CHECK_FALSE(bench.server.all_alive());  // our own has not turned since
    test::run_until(bench.loop, [&] { return bench.server.all_alive(); });
}

TEST_CASE("Sockets of the service manager are used, and stay open when the server ends",
          "[server]") {
    const auto at = [](uint16_t port) { return net::Endpoint{*net::Ip::parse("127.0.0.1"), port}; };
    Bench bench;
    auto udp = bind_socket(SocketKind::udp, at(bench.port), Sharing::with_ours);
    auto tcp = bind_socket(SocketKind::tcp, at(bench.port), Sharing::with_ours);
    REQUIRE(udp);
    REQUIRE(tcp);
    const auto as_given = [](const Fd& fd) {
        return run::NamedFd{"dns", run::Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0))};
    };
    std::vector<run::NamedFd> given;
    given.push_back(as_given(*udp));
    given.push_back(as_given(*tcp));
    auto inherited = InheritedSockets::from(std::move(given));
    REQUIRE(inherited);
    CHECK(inherited->has(at(bench.port)));
    CHECK_FALSE(*inherited->find(SocketKind::udp, at(1)));
    bench.server.inherit(std::move(*inherited));
    REQUIRE(bench.use("whoami\n multisocket 2"));
    for (const int kind : {SOCK_DGRAM, SOCK_STREAM}) {
        const Client client(bench.loop, kind, bench.port);
        const auto query = test::query_for("a.test", dns::rr::kA, 5);
        client.send(kind == SOCK_DGRAM ? query : framed(query));
        CHECK_FALSE(client.receive().empty());
    }
    bool stopped = false;
    bench.server.stop(run::Milliseconds(1000), [&] { stopped = true; });
    test::run_until(bench.loop, [&] { return stopped; });
    const Client late(bench.loop, SOCK_DGRAM, bench.port);
    late.send(test::query_for("a.test", dns::rr::kA, 6));
    pollfd waiting{udp->get(), POLLIN, 0};
    CHECK(poll(&waiting, 1, 5000) == 1);  // for the next server
}

TEST_CASE("Descriptors of the service manager that are of no use are refused by name", "[server]") {
    const auto refused = [](run::Fd fd) {
        std::vector<run::NamedFd> given;
        given.push_back({"odd", std::move(fd)});
        const auto sockets = InheritedSockets::from(std::move(given));
        REQUIRE_FALSE(sockets);
        return sockets.error().text;
    };
    CHECK(refused(run::Fd(socket(AF_UNIX, SOCK_DGRAM, 0))).starts_with("descriptor odd "));
    CHECK(refused(run::Fd(socket(AF_INET, SOCK_STREAM, 0))).starts_with("descriptor odd "));
    if (!family_works(net::Family::v6)) return;
    run::Fd both(socket(AF_INET6, SOCK_DGRAM, 0));
    const int off = 0;
    REQUIRE(setsockopt(both.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    REQUIRE(bind(both.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    CHECK(refused(std::move(both)).find("BindIPv6Only=ipv6-only") != std::string::npos);
}

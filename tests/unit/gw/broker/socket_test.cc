// SPDX-License-Identifier: GPL-2.0-or-later
// The socket itself, and clients that misbehave.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "common/wire/mapper_v1.h"
#include "gw/broker/listen.h"
#include "server.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

unsigned mode_of(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

std::string hexed(uint64_t id) {
    return hex(wire::build_frame(get_frame(id, {})).value());
}

}  // namespace

TEST_CASE("directory and socket have their modes, whatever the umask", "[socket]") {
    const Directory directory;
    const mode_t before = umask(0077);
    const auto socket = ListeningSocket::open(directory.file("a/b/mapper.sock"));
    CHECK(umask(before) == 0077);
    REQUIRE(socket);
    CHECK(mode_of(directory.file("a/b")) == 0775);
    CHECK(mode_of(directory.file("a/b/mapper.sock")) == 0660);
}

TEST_CASE("a stale socket is replaced, a live one is not stolen", "[socket]") {
    const Directory directory;
    {
        const auto first = ListeningSocket::open(directory.socket());
        REQUIRE(first);
        const auto second = ListeningSocket::open(directory.socket());
        REQUIRE(!second);
        CHECK_THAT(second.error().text, Catch::Contains("another gateway serves it"));
        CHECK(std::filesystem::exists(directory.socket()));
        std::filesystem::create_hard_link(directory.socket(), directory.file("kept"));
    }
    CHECK(!std::filesystem::exists(directory.socket()));
    std::filesystem::rename(directory.file("kept"), directory.socket());  // nobody listens now
    CHECK(ListeningSocket::open(directory.socket()).has_value());
}

TEST_CASE("sockets that cannot be made name the thing and the remedy", "[socket]") {
    const Directory directory;
    std::ofstream(directory.file("file")) << "x";
    const auto error = [](const std::string& path) {
        const auto socket = ListeningSocket::open(path);
        return socket ? std::string() : socket.error().text;
    };
    CHECK_THAT(error(directory.file("file")), Catch::Contains("no socket is there; remove it"));
    CHECK_THAT(error(directory.file("file/sub/x")), Catch::Contains("give another"));
    CHECK_THAT(error(std::string(200, 'x')), Catch::Contains("1 to 107 bytes"));
    CHECK_THAT(error(""), Catch::Contains("1 to 107 bytes"));
    CHECK(std::filesystem::exists(directory.file("file")));
}

TEST_CASE("the socket goes with the broker, its clients too", "[socket]") {
    Server server;
    const Peer peer(server);
    CHECK(peer.ask(get_frame(1, {})).id() == 1);
    server.broker.reset();
    CHECK(peer.receive().empty());
    CHECK(!std::filesystem::exists(server.directory.socket()));
}

TEST_CASE("connections are bounded", "[socket]") {
    BrokerOptions options;
    options.clients = 2;
    Server server(options);
    const Peer one(server);
    auto two = std::make_unique<Peer>(server);
    const Peer three(server);
    CHECK(three.receive().empty());
    CHECK(two->ask(get_frame(1, {})).id() == 1);
    two.reset();
    CHECK(server.until([&] { return server.broker->clients() == 1; }));
    const Peer four(server);
    CHECK(four.ask(get_frame(1, {})).id() == 1);
    CHECK(one.ask(get_frame(2, {})).id() == 2);
}

TEST_CASE("connections of one user are bounded", "[socket]") {
    BrokerOptions options;
    options.clients_per_user = 1;
    Server server(options);
    auto one = std::make_unique<Peer>(server);
    CHECK(one->ask(get_frame(1, {})).id() == 1);
    const Peer two(server);
    CHECK(two.receive().empty());
    CHECK(one->ask(get_frame(2, {})).id() == 2);
    one.reset();
    CHECK(server.until([&] { return server.broker->clients() == 0; }));
    const Peer three(server);
    CHECK(three.ask(get_frame(3, {})).id() == 3);
}

TEST_CASE("who asks faster than the limit waits for itself alone, and loses nothing", "[socket]") {
    constexpr size_t kAsked = 150;
    const auto request = wire::build_frame(get_frame(7, {})).value();
    BrokerOptions options;
    SECTION("records") {
        options.records_per_second = 100;
    }
    SECTION("bytes") {
        options.bytes_per_second = static_cast<uint32_t>(100 * request.size());
    }
    Server server(options);
    const Peer hasty(server);
    const Peer other(server);
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < kAsked; i++) {
        REQUIRE(::send(hasty.fd, request.data(), request.size(), 0) > 0);
    }
    CHECK(other.ask(get_frame(9, {})).id() == 9);
    for (size_t i = 0; i < kAsked; i++) CHECK(hasty.receive_frame().id() == 7);
    // 100 at once, and half a second for the rest; 50 ms for clocks that count in steps.
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(450));
}

TEST_CASE("of two gateways that start at once, one gets the socket", "[socket]") {
    const Directory directory;
    for (int round = 0; round < 20; round++) {
        std::optional<Result<ListeningSocket>> other;
        std::thread start([&] { other.emplace(ListeningSocket::open(directory.socket())); });
        const auto mine = ListeningSocket::open(directory.socket());
        start.join();
        CHECK(mine.has_value() + other->has_value() == 1);
        CHECK(std::filesystem::exists(directory.socket()));
    }
}

TEST_CASE("a client that does not read delays nobody, and reads it all later", "[socket]") {
    Server server;
    const Peer slow(server);
    const Peer other(server);
    const auto request =
        wire::build_frame(get_frame(1, std::vector<net::IpRef>(1000, at("198.51.100.7", "1"))))
            .value();
    size_t asked = 0;  // until neither the gateway nor the kernel takes more
    while (asked < 10'000) {
        if (::send(slow.fd, request.data(), request.size(), MSG_DONTWAIT) > 0) {
            asked++;
            continue;
        }
        const size_t before = asked;
        CHECK(other.ask(get_frame(before, {})).id() == before);
        pollfd one{slow.fd, POLLOUT, 0};
        if (poll(&one, 1, 0) == 0) break;
    }
    REQUIRE(asked > 1);
    REQUIRE(asked < 10'000);
    CHECK(other.ask(get_frame(5, {at("198.51.100.7", "9")})).has_encoded_addresses());
    for (size_t i = 0; i < asked; i++) {
        CHECK(slow.receive_frame().encoded_addresses().answers_size() == 1000);
    }
}

TEST_CASE("a client that reads no pushes is let go", "[socket]") {
    BrokerOptions options;
    options.queue_bytes = 100'000;
    Server server(options);
    const Peer slow(server);
    auto hello = frame_with_id(1);
    hello.mutable_hello();
    CHECK(slow.ask(hello).has_hello());
    for (uint64_t round = 0; round < 200 && server.broker->clients() > 0; round++) {
        for (uint64_t i = 0; i < 1000; i++) {
            REQUIRE(server.table.encode({ip("198.51.100.7"), {round, i}}, v4));
        }
        server.later(kMappingLife);
        server.sweep_all();
        server.until([] { return true; });
        run::Timer turn(server.loop, [&] { server.loop.stop(); });
        turn.start(run::Milliseconds(1));
        server.loop.run();
    }
    CHECK(server.broker->clients() == 0);
}

TEST_CASE("requests that wait for the disk are bounded, none is lost", "[socket]") {
    BrokerOptions options;
    options.in_flight = 3;
    Server server(options, {}, true);
    const Peer peer(server);
    for (uint64_t id = 1; id <= 50; id++) peer.send(get_frame(id, {{ip("198.51.100.7"), {0, id}}}));
    for (uint64_t id = 1; id <= 50; id++) CHECK(peer.receive_frame().id() == id);
}

TEST_CASE("a client that goes while its answer waits for the disk", "[socket]") {
    Server server({}, {}, true);
    {
        const Peer peer(server);
        peer.send(get_frame(1, {at("198.51.100.7", "1")}));
    }
    const Peer other(server);
    CHECK(other.ask(get_frame(2, {at("198.51.100.7", "2")})).id() == 2);
    CHECK(server.until([&] { return server.broker->clients() == 1; }));
    CHECK(server.table.known_ea(at("198.51.100.7", "1"), v4));
}

TEST_CASE("a full disk: both protocols are refused, and answered again afterwards", "[socket]") {
    Server server({}, {}, true);
    const Peer peer(server);
    signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit full = before;
    full.rlim_cur = std::filesystem::file_size(server.directory.file("mapper.lmdb"));
    setrlimit(RLIMIT_FSIZE, &full);
    std::vector<net::IpRef> many;
    for (uint64_t i = 0; i < 1000; i++) many.push_back({ip("198.51.100.7"), {0, i}});
    const auto answer = peer.ask(get_frame(1, many));
    CHECK(answer.failure().code() == proto::Failure::STORE);
    CHECK_THAT(answer.failure().text(), Catch::Contains("cannot be stored"));
    CHECK(peer.ask("1147914e4400000e0000000000000000c6336407000000000000000000000000000003e9"
                   "04107765622e6578616d706c652e636f6d2e0000") == "11c7914e44000002");
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(server.until([&] { return server.store->problem().empty(); }));
    CHECK(peer.ask(get_frame(2, many)).encoded_addresses().answers_size() == 1000);
}

TEST_CASE("garbage of every length leaves the connection as it was", "[socket]") {
    Server server;
    const Peer peer(server);
    for (size_t size = 1; size < 70'000; size = size * 3 + 1) {
        for (const int first : {0x00, 0x08, 0x11, 0xff}) {
            Bytes bytes(size, 0xa5);
            bytes[0] = static_cast<uint8_t>(first);
            peer.send(bytes);
            if (first == 0x08) {
                CHECK(peer.receive_frame().failure().code() == proto::Failure::BAD_REQUEST);
            }
        }
    }
    CHECK(!peer.ask(hexed(1)).empty());
}

// All of them have several requests on their way at the same time.
TEST_CASE("both variants of V1, protobuf and garbage on one socket: each its own answers",
          "[socket]") {
    Server server({}, {}, true);
    const Peer fixed(server);
    const Peer describing(server);
    const Peer frames(server);
    const Peer garbage(server);
    const auto theirs = [](uint64_t number) {
        return net::IpRef{ip("198.51.100.7"), {0, 1000 + number}};
    };
    const auto v1 = [&](uint16_t id, bool self_describing) {
        const wire::V1Record record{net::Ip::any(v4), net::Ip::any(v4), theirs(id)};
        const wire::V1Layout layout{self_describing, v4, v4};
        return wire::V1Packet{wire::V1Mode::request, id, layout, wire::V1GetEa{record, "a."}};
    };
    constexpr uint16_t kEach = 20;
    for (uint16_t i = 0; i < kEach; i++) {
        fixed.send(wire::build_v1(v1(i, false)).value());
        garbage.send(Bytes{static_cast<uint8_t>(0x20 + i), 0x11, 0x08});
        describing.send(wire::build_v1(v1(static_cast<uint16_t>(i + 5), true)).value());
        frames.send(get_frame(i + 1U, {theirs(i), theirs(i + 10U)}));
        garbage.send(Bytes(i + 1U, 0x11));
    }
    const auto answered = [&](const Peer& peer, uint16_t id, bool self_describing) {
        const auto packet = wire::parse_v1(peer.receive()).value();
        CHECK(packet.mode == wire::V1Mode::ack);
        CHECK(packet.id == id);
        CHECK(packet.layout.self_describing == self_describing);
        const auto& record = std::get<wire::V1GetEa>(packet.body).record;
        CHECK(record.ipref == theirs(id));
        CHECK(server.table.known_ea(theirs(id), v4) == record.ea);
    };
    for (uint16_t i = 0; i < kEach; i++) {
        answered(fixed, i, false);
        answered(describing, static_cast<uint16_t>(i + 5), true);
        const auto frame = frames.receive_frame();
        CHECK(frame.id() == i + 1U);
        REQUIRE(frame.encoded_addresses().answers_size() == 2);
        const auto ea = server.table.known_ea(theirs(i + 10U), v4);
        CHECK(wire::ip_from(frame.encoded_addresses().answers(1).ea()) == ea);
    }
    garbage.send(wire::build_v1(v1(3, false)).value());  // nothing of the rest was answered
    answered(garbage, 3, false);
}

TEST_CASE("the service manager's socket is taken, and left where it is", "[socket]") {
    const Directory directory;
    const auto path = directory.file("mapper.sock");
    auto managers = ListeningSocket::open(path);
    REQUIRE(managers);
    const auto handed_over = [&] { return run::Fd(fcntl(managers->fd(), F_DUPFD_CLOEXEC, 0)); };
    {
        const auto adopted = ListeningSocket::adopt(handed_over(), path);
        REQUIRE(adopted);
        CHECK((fcntl(adopted->fd(), F_GETFL) & O_NONBLOCK) != 0);
    }
    CHECK(std::filesystem::exists(path));
    const auto elsewhere = ListeningSocket::adopt(handed_over(), "/elsewhere.sock");
    REQUIRE_FALSE(elsewhere);
    CHECK(elsewhere.error().text.find(path) != std::string::npos);
    CHECK(elsewhere.error().text.find("/elsewhere.sock") != std::string::npos);
    const auto other =
        ListeningSocket::adopt(run::Fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), path);
    REQUIRE_FALSE(other);
    CHECK(other.error().text.find("ListenSequentialPacket=") != std::string::npos);
}

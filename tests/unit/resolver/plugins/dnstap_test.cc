// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "dnstap.pb.h"
#include "resolver/plugins/dnstap/collector.h"
#include "unit/certificates.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::resolver::dnstap;
using Catch::Matchers::Contains;
using test::Message;
using test::ResolverBench;

namespace {

constexpr const char* kContent = "protobuf:dnstap.Dnstap";

void put32(Message& to, size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

Message control(uint32_t type, const std::string& content = "") {
    Message out;
    put32(out, 0);
    put32(out, content.empty() ? 4 : 12 + content.size());
    put32(out, type);
    if (content.empty()) return out;
    put32(out, 1);
    put32(out, content.size());
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

/// A collector: takes one connection at a time, greets, and keeps what it is sent.
class Reader {
  public:
    Reader(run::Loop& loop, int family, const sockaddr* address, socklen_t size,
           std::optional<tls::Context> tls = std::nullopt)
        : loop_(loop), tls_(std::move(tls)), listener_(socket(family, SOCK_STREAM, 0)) {
        REQUIRE(bind(listener_.get(), address, size) == 0);
        REQUIRE(listen(listener_.get(), 5) == 0);
        accept_.emplace(loop, listener_.get(), [this](int) { take(); });
        accept_->start(UV_READABLE);
    }

    uint16_t port() const {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        return net::Endpoint::from(reinterpret_cast<const sockaddr*>(&address)).port;
    }
    /// Ends the connection; the next one is taken.
    void hang_up() {
        read_.reset();
        fd_.reset();
        in_.clear();
    }

    std::vector<::dnstap::Dnstap> messages;
    std::vector<uint32_t> controls;  ///< their types, in order
    bool deaf = false;               ///< takes connections and says nothing

  private:
    void take() {
        fd_ = run::Fd(accept(listener_.get(), nullptr, nullptr));
        if (tls_) session_.emplace(tls::Session::server(*tls_, {}));
        read_.emplace(loop_, fd_.get(), [this](int) { received(); });
        read_->start(UV_READABLE);
    }
    void received() {
        std::array<uint8_t, 65536> space;
        const auto got = recv(fd_.get(), space.data(), space.size(), MSG_DONTWAIT);
        if (got <= 0) return read_->stop();
        Message plain(space.begin(), space.begin() + got);
        if (session_) {
            REQUIRE(session_->received(plain).has_value());
            plain = session_->take_plain();
            flush();
        }
        in_.insert(in_.end(), plain.begin(), plain.end());
        while (frame()) {
        }
    }
    void flush() {
        const auto bytes = session_->take_cipher();
        if (!bytes.empty()) send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    void say(const Message& bytes) {
        if (!session_) {
            send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            return;
        }
        REQUIRE(session_->send(bytes).has_value());
        flush();
    }
    bool frame() {
        wire::Reader in(in_);
        uint32_t length = in.u32();
        const bool is_control = in.ok() && length == 0;
        if (is_control) length = in.u32();
        const auto data = in.take(length);
        if (!in.ok()) return false;
        if (is_control) {
            controls.push_back(wire::Reader(data).u32());
            if (controls.back() == 4 && !deaf) say(control(1, kContent));
        } else {
            messages.emplace_back();
            REQUIRE(messages.back().ParseFromArray(data.data(), static_cast<int>(data.size())));
        }
        in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(in.position()));
        return true;
    }

    run::Loop& loop_;
    std::optional<tls::Context> tls_;
    std::optional<tls::Session> session_;
    run::Fd listener_;
    run::Fd fd_;
    std::optional<run::Poll> accept_;
    std::optional<run::Poll> read_;
    Message in_;
};

std::unique_ptr<Reader> unix_reader(run::Loop& loop, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return std::make_unique<Reader>(loop, AF_UNIX, reinterpret_cast<const sockaddr*>(&address),
                                    static_cast<socklen_t>(sizeof address));
}

std::unique_ptr<Reader> tcp_reader(run::Loop& loop, std::optional<tls::Context> tls) {
    sockaddr_storage address{};
    const auto size = net::Endpoint{*net::Ip::parse("127.0.0.1"), 0}.to(address);
    return std::make_unique<Reader>(loop, AF_INET, reinterpret_cast<const sockaddr*>(&address),
                                    size, std::move(tls));
}

CollectorOptions options_for(const std::string& path, run::Counter& dropped) {
    CollectorOptions out;
    out.text = out.path = path;
    out.most_frames = 3;
    out.most_bytes = 10'000;
    out.retry = run::Milliseconds(1);
    out.dropped = &dropped;
    return out;
}

/// A dnstap message of about this size.
Message message_of(size_t size) {
    ::dnstap::Dnstap tap;
    tap.set_type(::dnstap::Dnstap::MESSAGE);
    tap.set_extra(std::string(size, 'x'));
    const auto text = tap.SerializeAsString();
    return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("The greeting of Frame Streams, in whatever pieces it comes", "[dnstap]") {
    FrameStream stream(kContent);
    CHECK(stream.ready() == control(4, kContent));
    CHECK(FrameStream::stop() == control(3));
    Message out;
    for (const uint8_t byte : control(1, kContent)) {
        CHECK_FALSE(stream.started());
        const auto answer = stream.received(Bytes(&byte, 1));
        REQUIRE(answer);
        out.insert(out.end(), answer->begin(), answer->end());
    }
    CHECK(stream.started());
    CHECK(out == control(2, kContent));
    CHECK_THAT(stream.received(control(5)).error().text, Contains("wants no more"));
}

TEST_CASE("A reader that does not speak Frame Streams ends the stream", "[dnstap]") {
    const auto said = [](const Message& bytes) {
        FrameStream stream(kContent);
        const auto answer = stream.received(bytes);
        CHECK_FALSE(stream.started());
        return answer ? "" : answer.error().text;
    };
    CHECK_THAT(said(control(1, "text:other")), Contains("does not accept protobuf:dnstap.Dnstap"));
    CHECK_THAT(said({'H', 'T', 'T', 'P', '/', '1', '.', '1'}), Contains("no reader"));
    CHECK_THAT(said({0, 0, 0, 0, 0, 0, 2, 1}), Contains("513 bytes"));
    CHECK_THAT(said(control(2, kContent)), Contains("unexpected"));
    CHECK_THAT(said({0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 9}), Contains("malformed"));
}

TEST_CASE("Questions and answers reach the collector whole", "[dnstap]") {
    const test::TemporaryDirectory directory;
    ResolverBench bench;
    const auto reader = unix_reader(bench.loop, directory.path() / "tap");
    bench.open(
        fmt::format(". {{\n metadata\n dnstap unix://{}/tap full 1 2 {{\n identity ns1\n"
                    " version \"v 1\"\n extra \"{{type}} of {{name}}\"\n }}\n whoami\n}}\n",
                    directory.path().string()));
    const auto query = test::query_for("a.test", dns::rr::kA, 77, true);
    CHECK(bench.get(query, Proto::tls).rcode == "NOERROR");
    test::run_until(bench.loop, [&] { return reader->messages.size() == 2; });
    const auto& asked = reader->messages[0];
    CHECK(asked.identity() == "ns1");
    CHECK(asked.version() == "v 1");
    CHECK(asked.extra() == "A of a.test.");
    CHECK(asked.message().type() == ::dnstap::Message::CLIENT_QUERY);
    CHECK(asked.message().socket_protocol() == ::dnstap::DOT);
    CHECK(asked.message().socket_family() == ::dnstap::INET);
    CHECK(asked.message().query_address() == std::string("\xc0\x00\x02\xc8", 4));
    CHECK(asked.message().query_port() == 5000);
    CHECK(asked.message().query_message() == std::string(query.begin(), query.end()));
    CHECK_FALSE(asked.message().has_response_message());
    const auto& answer = reader->messages[1].message();
    CHECK(answer.type() == ::dnstap::Message::CLIENT_RESPONSE);
    CHECK(answer.query_time_sec() == asked.message().query_time_sec());
    CHECK(answer.has_response_time_sec());
    const auto& bytes = answer.response_message();
    const auto header =
        dns::Header::read(Bytes(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
    REQUIRE(header);
    CHECK(header->id == 77);
    CHECK(header->additionals == 3);  // what whoami says, and OPT
    bench.close();
    test::run_until(bench.loop, [&] { return reader->controls.size() == 3; });
    CHECK(reader->controls == std::vector<uint32_t>{4, 2, 3});
}

TEST_CASE("Without full no DNS message is sent; failures are told as well", "[dnstap]") {
    const test::TemporaryDirectory directory;
    ResolverBench bench;
    const auto reader = unix_reader(bench.loop, directory.path() / "tap");
    bench.open(
        fmt::format("a.test {{\n dnstap {}/tap\n erratic {{\n drop 0\n }}\n acl {{\n block\n }}"
                    "\n}}\n",
                    directory.path().string()));
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "REFUSED");
    test::run_until(bench.loop, [&] { return reader->messages.size() == 2; });
    CHECK_FALSE(reader->messages[0].message().has_query_message());
    CHECK_FALSE(reader->messages[1].message().has_response_message());
    CHECK(reader->messages[1].message().type() == ::dnstap::Message::CLIENT_RESPONSE);
    CHECK_FALSE(reader->messages[0].identity().empty());
}

TEST_CASE("What the queue has no room for is dropped and counted", "[dnstap]") {
    const test::TemporaryDirectory directory;
    run::Loop loop;
    run::Counter dropped;
    const auto options = options_for(directory.path() / "tap", dropped);
    Collector collector(loop, options);
    for (int i = 0; i < 5; i++) collector.add(message_of(100));
    CHECK(dropped.value() == 2);
    SECTION("and what waited is sent once somebody listens") {
        const auto reader = unix_reader(loop, options.path);
        test::run_until(loop, [&] { return reader->messages.size() == 3; });
        collector.add(message_of(20'000));  // by bytes
        CHECK(dropped.value() == 3);
        collector.add(message_of(10));
        test::run_until(loop, [&] { return reader->messages.size() == 4; });
    }
}

TEST_CASE("A collector that goes away is connected to again", "[dnstap]") {
    const test::TemporaryDirectory directory;
    run::Loop loop;
    run::Counter dropped;
    const auto options = options_for(directory.path() / "tap", dropped);
    const auto reader = unix_reader(loop, options.path);
    Collector collector(loop, options);
    test::run_until(loop, [&] { return collector.open(); });
    reader->hang_up();
    test::run_until(loop, [&] { return !collector.open(); });
    collector.add(message_of(7));
    test::run_until(loop, [&] { return !reader->messages.empty(); });
    CHECK(reader->messages[0].extra() == "xxxxxxx");
}

TEST_CASE("A collector that never greets gets nothing and holds nothing up", "[dnstap]") {
    const test::TemporaryDirectory directory;
    run::Loop loop;
    run::Counter dropped;
    const auto options = options_for(directory.path() / "tap", dropped);
    const auto reader = unix_reader(loop, options.path);
    reader->deaf = true;
    Collector collector(loop, options);
    test::run_until(loop, [&] { return !reader->controls.empty(); });
    for (int i = 0; i < 5; i++) collector.add(message_of(100));
    CHECK(dropped.value() == 2);
    CHECK_FALSE(collector.open());
    CHECK(reader->messages.empty());
}

TEST_CASE("The collector is verified over TLS, by name or address", "[dnstap]") {
    const test::TemporaryDirectory directory;
    test::Authority authority;
    authority.write(directory.path() / "ca.pem");
    authority.issue(directory.path() / "server", "IP:127.0.0.1");
    tls::ServerOptions server;
    server.certificate = directory.path() / "server.pem";
    server.key = directory.path() / "server.key";
    run::Loop loop;
    const auto reader = tcp_reader(loop, *tls::Context::server(server));
    tls::ClientOptions client;
    client.ca = directory.path() / "ca.pem";
    run::Counter dropped;
    auto options = options_for("", dropped);
    options.host = "127.0.0.1";
    options.port = reader->port();
    options.tls = *tls::Context::client(client);
    Collector collector(loop, options);
    collector.add(message_of(5000));
    test::run_until(loop, [&] { return reader->messages.size() == 1; });
    CHECK(reader->messages[0].extra().size() == 5000);
}

TEST_CASE("With skipverify any collector is believed", "[dnstap]") {
    const test::TemporaryDirectory directory;
    test::Authority authority;  // that nobody knows
    authority.issue(directory.path() / "server", "DNS:another.example");
    tls::ServerOptions server;
    server.certificate = directory.path() / "server.pem";
    server.key = directory.path() / "server.key";
    ResolverBench bench;
    const auto reader = tcp_reader(bench.loop, *tls::Context::server(server));
    bench.open(
        fmt::format(". {{\n dnstap tls://127.0.0.1:{} full {{\n skipverify\n }}\n whoami\n}}\n",
                    reader->port()));
    bench.get("a.test", dns::rr::kA);
    test::run_until(bench.loop, [&] { return reader->messages.size() == 2; });
    CHECK(reader->messages[1].message().type() == ::dnstap::Message::CLIENT_RESPONSE);
}

TEST_CASE("Lines of dnstap that cannot be are refused", "[dnstap]") {
    const auto error = [](const std::string& words) {
        return test::refusal(". {\n dnstap " + words + "\n whoami\n}\n");
    };
    CHECK(error("s full 1 1").empty());
    CHECK(error("tcp://collector.example:6000").empty());
    CHECK(error("tcp://[::1]:6000").empty());
    CHECK_THAT(error(""), Contains("Wrong argument count"));
    CHECK_THAT(error("tcp://collector.example"), Contains("is no endpoint"));
    CHECK_THAT(error("tcp://collector.example:0"), Contains("is no endpoint"));
    CHECK_THAT(error("unix://"), Contains("a socket's path"));
    CHECK_THAT(error(std::string(200, 'p')), Contains("a socket's path has 1 to 107 bytes"));
    CHECK_THAT(error("s fulll"), Contains("expected \"full\""));
    CHECK_THAT(error("s full 0"), Contains("write buffer"));
    CHECK_THAT(error("s full 1 x"), Contains("queue"));
    CHECK_THAT(error("s {\n bogus\n }"), Contains("unknown property 'bogus'"));
}

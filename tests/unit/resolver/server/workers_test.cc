// SPDX-License-Identifier: GPL-2.0-or-later
// Several worker threads: queries on all of them, reloads that work and that do not, threads that
// come and go. Run under ThreadSanitizer too.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>

#include "resolver/server/server.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Message;

namespace {

constexpr unsigned kWorkers = 4;

/// What a handler saw, from whatever thread.
struct Seen {
    std::array<std::atomic<int>, 16> asked{};
    std::array<std::atomic<int>, 16> running{};  // started and not stopped
    std::atomic<bool> other_thread = false;      // a worker's calls came from two threads
    int fails_on = -1;
    uint16_t rcode = dns::rcode::kNoError;

    size_t workers_asked() const {
        return static_cast<size_t>(
            std::count_if(asked.begin(), asked.end(), [](const auto& n) { return n > 0; }));
    }
    int runs() const {
        int out = 0;
        for (const auto& one : running) out += one;
        return out;
    }
};

class Probe final : public Handler {
  public:
    explicit Probe(Seen& seen) : seen_(seen) {}
    std::string_view name() const override { return "probe"; }
    Result<void> start(Worker& worker) override {
        if (static_cast<int>(worker.index()) == seen_.fails_on) return fail("probe: cannot");
        thread_.make(worker, std::this_thread::get_id());
        seen_.running[worker.index()]++;
        return {};
    }
    void stop(Worker& worker) override {
        check(worker);
        thread_.drop(worker);
        seen_.running[worker.index()]--;
    }
    Step handle(Query& q) override {
        check(q.worker());
        seen_.asked[q.worker().index()]++;
        q.reply.rcode = seen_.rcode;
        return Step::done;
    }

  private:
    void check(Worker& worker) {
        if (thread_[worker] != std::this_thread::get_id()) seen_.other_thread = true;
    }
    Seen& seen_;
    PerWorker<std::thread::id> thread_;
};

net::Endpoint loopback(uint16_t port) {
    return {*net::Ip::parse("127.0.0.1"), port};
}

uint16_t free_port() {
    for (uint32_t port = 21000 + static_cast<uint32_t>(getpid()) % 20000; port < 65000; port++) {
        const auto at = loopback(static_cast<uint16_t>(port));
        if (bind_socket(SocketKind::udp, at, Sharing::with_ours) &&
            bind_socket(SocketKind::tcp, at, Sharing::with_ours)) {
            return at.port;
        }
    }
    throw std::runtime_error("no free port");
}

struct Bench {
    run::Loop loop;
    std::deque<Seen> seen;  // of each configuration
    Server server{loop};
    uint16_t port = free_port();
    bool stopped = false;

    Result<void> use(unsigned workers, int fails_on = -1, uint16_t rcode = 0) {
        auto config = load_config(
            fmt::format(".:{} {{\n bind 127.0.0.1\n multisocket {}\n}}\n", port, workers), {});
        REQUIRE(config);
        auto& fresh = seen.emplace_back();
        fresh.fails_on = fails_on;
        fresh.rcode = rcode;
        (*config)->blocks.front()->chain.add(std::make_unique<Probe>(fresh));
        return server.use(*config);
    }
    void stop() {
        server.stop(run::Milliseconds(2000), [&] { stopped = true; });
        test::run_until(loop, [&] { return stopped; });
    }
    ~Bench() {
        if (!stopped) stop();
        for (const auto& one : seen) {
            CHECK(one.runs() == 0);
            CHECK_FALSE(one.other_thread);
        }
    }
};

/// Clients of many ports, so that the kernel spreads them.
struct Clients {
    Bench& bench;
    std::vector<Fd> sockets;
    std::vector<std::unique_ptr<run::Poll>> polls;
    uint16_t id = 0;

    explicit Clients(Bench& the_bench, int type = SOCK_DGRAM, size_t count = 64)
        : bench(the_bench) {
        sockaddr_storage to{};
        const auto size = loopback(bench.port).to(to);
        for (size_t i = 0; i < count; i++) {
            Fd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
            REQUIRE(connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) == 0);
            polls.push_back(std::make_unique<run::Poll>(bench.loop, fd.get(), [](int) {}));
            polls.back()->start(UV_READABLE);
            sockets.push_back(std::move(fd));
        }
    }
    void send(bool framed = false) {
        id++;
        for (const auto& fd : sockets) {
            auto query = test::query_for("a.test", dns::rr::kA, id);
            const std::array<uint8_t, 2> length{0, static_cast<uint8_t>(query.size())};
            if (framed) query.insert(query.begin(), length.begin(), length.end());
            const auto sent = ::send(fd.get(), query.data(), query.size(), MSG_NOSIGNAL);
            REQUIRE(sent == static_cast<ssize_t>(query.size()));
        }
    }
    /// Waits until each has its answer; gives how many had `rcode`.
    size_t receive(uint16_t rcode, bool framed = false) {
        size_t fitting = 0;
        for (const auto& fd : sockets) {
            std::array<uint8_t, 512> in{};
            ssize_t got = -1;
            test::run_until(bench.loop, [&] {
                got = recv(fd.get(), in.data(), in.size(), MSG_DONTWAIT);
                return got >= 0;
            });
            const auto skip = framed ? size_t{2} : size_t{0};
            const auto header =
                dns::Header::read(dns::Bytes(in.data(), static_cast<size_t>(got)).subspan(skip));
            REQUIRE(header);
            CHECK(header->id == id);
            fitting += header->rcode() == rcode ? 1 : 0;
        }
        return fitting;
    }
};

}  // namespace

TEST_CASE("Every worker takes queries, over UDP and TCP", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(kWorkers));
    CHECK(bench.server.workers() == kWorkers);
    const auto& seen = bench.seen.front();
    CHECK(seen.runs() == kWorkers);
    Clients udp(bench);
    udp.send();
    CHECK(udp.receive(dns::rcode::kNoError) == 64);
    CHECK(seen.workers_asked() == kWorkers);
    Clients tcp(bench, SOCK_STREAM);
    tcp.send(true);
    CHECK(tcp.receive(dns::rcode::kNoError, true) == 64);
}

TEST_CASE("A configuration that one worker cannot start leaves the old one to all", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(kWorkers));
    const auto* before = bench.server.config();
    const auto refused = bench.use(kWorkers + 2, kWorkers + 1, dns::rcode::kNxDomain);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text == "probe: cannot");
    CHECK(bench.seen.back().runs() == 0);
    CHECK(bench.seen.front().runs() == kWorkers);
    CHECK(bench.server.workers() == kWorkers);
    CHECK(bench.server.config() == before);
    Clients udp(bench);
    udp.send();
    CHECK(udp.receive(dns::rcode::kNoError) == 64);
}

TEST_CASE("Reloads under queries: every one is answered, by the old or the new", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(kWorkers));
    Clients udp(bench);
    for (int round = 0; round < 20; round++) {
        udp.send();
        REQUIRE(bench.use(kWorkers, -1, dns::rcode::kNxDomain));
        udp.receive(dns::rcode::kNoError);
        udp.send();
        CHECK(udp.receive(dns::rcode::kNxDomain) == 64);
        REQUIRE(bench.use(kWorkers));
    }
}

TEST_CASE("A reload may change the number of workers", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(1));
    Clients before(bench, SOCK_STREAM);
    before.send(true);
    CHECK(before.receive(dns::rcode::kNoError, true) == 64);
    REQUIRE(bench.use(kWorkers));
    Clients udp(bench);
    udp.send();
    CHECK(udp.receive(dns::rcode::kNoError) == 64);
    CHECK(bench.seen.back().workers_asked() == kWorkers);
    // Connections of the first worker are still there.
    before.send(true);
    CHECK(before.receive(dns::rcode::kNoError, true) == 64);
    REQUIRE(bench.use(2));
    CHECK(bench.server.workers() == 2);
    udp.send();
    CHECK(udp.receive(dns::rcode::kNoError) == 64);
    CHECK(bench.seen.back().workers_asked() <= 2);
    test::run_until(bench.loop, [&] { return bench.seen[1].runs() == 0; });
}

TEST_CASE("A second instance is refused whatever it wants to share", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(kWorkers));
    run::Loop loop;
    Server other(loop);
    for (const auto* bind : {"bind 127.0.0.1", "bind 0.0.0.0", ""}) {
        const auto config = load_config(
            fmt::format(".:{} {{\n {}\n multisocket 3\n whoami\n}}\n", bench.port, bind), {});
        REQUIRE(config);
        const auto used = other.use(*config);
        REQUIRE_FALSE(used);
        CHECK_THAT(used.error().text, Catch::Matchers::Contains("another instance"));
        CHECK(other.workers() == 0);
    }
}

TEST_CASE("Stopping ends all threads, with queries on their way", "[workers]") {
    Bench bench;
    REQUIRE(bench.use(kWorkers));
    Clients udp(bench);
    udp.send();
    bench.stop();
    CHECK(bench.server.workers() == 0);
    CHECK(udp.receive(dns::rcode::kNoError) == 64);
}

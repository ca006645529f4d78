// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/upstream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <set>

#include "common/dns/answer.h"
#include "common/dns/random.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::dns;
using test::Asked;
using test::Message;
using test::query_for;
using test::reply_to;
using test::run_until;
using test::ScriptedDns;

namespace {

constexpr run::Milliseconds kLong(10'000);

/// Asks and waits; the answer, or the trouble.
struct Waited {
    bool done = false;
    Message answer;
    Trouble trouble{};
    std::string text;

    Upstream::Callback callback() {
        return [this](const Upstream::Outcome& outcome) {
            REQUIRE_FALSE(done);
            done = true;
            if (outcome) {
                answer.assign(outcome->begin(), outcome->end());
            } else {
                trouble = outcome.error().trouble;
                text = outcome.error().text;
            }
        };
    }
};

std::vector<Message> plain(const Asked& asked) {
    return {reply_to(asked.wire, 0, {asked.question.name.str() + " 60 IN A 192.0.2.1"})};
}

}  // namespace

TEST_CASE("a query over UDP has its own port and id", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    Upstream upstream(loop, server.at());
    std::set<uint16_t> ports;
    std::set<uint16_t> ids;
    for (int i = 0; i < 8; i++) {
        Waited waited;
        upstream.ask(query_for("a.test", rr::kA, 77), Via::udp, kLong, waited.callback());
        CHECK_FALSE(waited.done);
        run_until(loop, [&] { return waited.done; });
        REQUIRE(waited.answer.size() > 12);
        CHECK(Header::read(waited.answer)->id == 77);
        ports.insert(server.asked().back().from.port);
        ids.insert(server.asked().back().header.id);
    }
    CHECK(ports.size() > 4);
    CHECK(ids.size() > 4);
    CHECK(upstream.in_flight() == 0);
}

TEST_CASE("queries of one turn share a few ports, each with an id of its own", "[dns][upstream]") {
    constexpr size_t kCount = 40;
    run::Loop loop;
    ScriptedDns server(loop, plain);
    Upstream upstream(loop, server.at());
    std::vector<Waited> waited(kCount);
    for (size_t i = 0; i < kCount; i++) {
        const auto query = query_for("h" + std::to_string(i) + ".test", rr::kA, 7);
        upstream.ask(query, Via::udp, kLong, waited[i].callback());
    }
    run_until(loop, [&] { return upstream.in_flight() == 0; });
    std::map<uint16_t, std::set<uint16_t>> ids;
    for (const auto& asked : server.asked()) ids[asked.from.port].insert(asked.header.id);
    CHECK(ids.size() == (kCount + UdpPorts::kShared - 1) / UdpPorts::kShared);
    size_t distinct = 0;
    for (const auto& [port, of_port] : ids) distinct += of_port.size();
    CHECK(distinct == kCount);
    for (size_t i = 0; i < kCount; i++) {
        const auto name = *Name::parse("h" + std::to_string(i) + ".test");
        CHECK(parse_answer(waited[i].answer, name, rr::kA)->records.size() == 1);
    }
}

TEST_CASE("guesses at a port send all its queries over TCP", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        if (asked.tcp) return plain(asked);
        if (asked.question.name.str() != "first.test.") return {};
        auto wrong = plain(asked).front();
        for (auto& byte : std::span(wrong).subspan(13, 5)) byte = 'x';
        return {wrong, wrong, wrong};
    });
    Upstream upstream(loop, server.at());
    std::array<Waited, 3> waited;
    upstream.ask(query_for("first.test", rr::kA), Via::udp, kLong, waited[0].callback());
    upstream.ask(query_for("second.test", rr::kA), Via::udp, kLong, waited[1].callback());
    const auto given_up =
        upstream.ask(query_for("third.test", rr::kA), Via::udp, kLong, waited[2].callback());
    upstream.cancel(given_up);
    run_until(loop, [&] { return waited[0].done && waited[1].done; });
    CHECK(server.connections() == 2);
    CHECK_FALSE(waited[2].done);
    CHECK(Header::read(waited[1].answer)->answers == 1);
}

TEST_CASE("an answer that comes twice is no guess", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        const auto right = plain(asked).front();
        if (asked.question.name.str() == "first.test.") return {right, right, right, right, right};
        return {right};
    });
    Upstream upstream(loop, server.at());
    std::array<Waited, 2> waited;
    upstream.ask(query_for("first.test", rr::kA), Via::udp, kLong, waited[0].callback());
    upstream.ask(query_for("second.test", rr::kA), Via::udp, kLong, waited[1].callback());
    run_until(loop, [&] { return waited[0].done && waited[1].done; });
    CHECK(server.connections() == 0);
}

TEST_CASE("what an answer leads to is asked before the loop waits", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    Upstream upstream(loop, server.at());
    Waited waited;
    run::BeforeWait late(loop, [&] {
        late.stop();
        upstream.ask(query_for("a.test", rr::kA), Via::udp, kLong, waited.callback());
    });
    late.start();
    run_until(loop, [&] { return waited.done; });
    CHECK(waited.answer.size() > kHeaderSize);
}

TEST_CASE("the callback may destroy the upstream, others at the port hear nothing",
          "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    auto upstream = std::make_unique<Upstream>(loop, server.at());
    bool first = false;
    Waited second;
    upstream->ask(query_for("first.test", rr::kA), Via::udp, kLong, [&](const Upstream::Outcome&) {
        first = true;
        upstream.reset();
    });
    upstream->ask(query_for("second.test", rr::kA), Via::udp, kLong, second.callback());
    run_until(loop, [&] { return first; });
    CHECK_FALSE(second.done);
}

TEST_CASE("answers that do not fit are ignored and the wait goes on", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        const auto right = plain(asked).front();
        auto other_id = right;
        other_id[0] ^= 1;
        auto no_answer = right;
        no_answer[2] &= 0x7f;
        const auto other = reply_to(query_for("b.test", rr::kA, asked.header.id), 0, {});
        const auto other_type = reply_to(query_for("a.test", rr::kAaaa, asked.header.id), 0, {});
        Message cut(right.begin(), right.begin() + 14);
        return std::vector<Message>{other_id, no_answer, other, other_type, cut, {}, right};
    });
    Upstream upstream(loop, server.at());
    Waited waited;
    upstream.ask(query_for("A.test", rr::kA), Via::udp, kLong, waited.callback());
    run_until(loop, [&] { return waited.done; });
    CHECK(parse_answer(waited.answer, *Name::parse("a.test"), rr::kA)->records.size() == 1);
}

TEST_CASE("a forged answer from another address does not arrive", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns forger(loop, plain);
    std::unique_ptr<run::Poll> unused;
    ScriptedDns server(loop, [&](const Asked& asked) -> std::vector<Message> {
        // From the forger's port, with everything right, to the port the query came from.
        const auto forged = reply_to(asked.wire, 0, {"a.test. 60 IN A 203.0.113.66"});
        const int fd = socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_storage to;
        const auto size = asked.from.to(to);
        CHECK(sendto(fd, forged.data(), forged.size(), 0, reinterpret_cast<sockaddr*>(&to), size) >
              0);
        close(fd);
        return plain(asked);
    });
    Upstream upstream(loop, server.at());
    Waited waited;
    upstream.ask(query_for("a.test", rr::kA), Via::udp, kLong, waited.callback());
    run_until(loop, [&] { return waited.done; });
    const auto answer = parse_answer(waited.answer, *Name::parse("a.test"), rr::kA);
    REQUIRE(answer);
    CHECK(answer->ips().front().str() == "192.0.2.1");
}

TEST_CASE("silence, nobody there, and too many", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns silent(loop, [](const Asked&) { return std::vector<Message>{}; });
    UpstreamOptions options;
    options.max_queries = 1;
    Upstream upstream(loop, silent.at(), options);
    Waited late;
    Waited over;
    upstream.ask(query_for("a.test", rr::kA), Via::udp, run::Milliseconds(100), late.callback());
    upstream.ask(query_for("a.test", rr::kA), Via::udp, kLong, over.callback());
    CHECK_FALSE(over.done);
    run_until(loop, [&] { return late.done && over.done; });
    CHECK(late.trouble == Trouble::timed_out);
    CHECK(late.text == silent.at().str() + ": no answer");
    CHECK(over.trouble == Trouble::too_many);

    Upstream absent(loop, test::nobody());
    for (const Via via : {Via::udp, Via::tcp}) {
        Waited refused;
        absent.ask(query_for("a.test", rr::kA), via, kLong, refused.callback());
        run_until(loop, [&] { return refused.done; });
        CHECK(refused.trouble == Trouble::refused);
    }
}

TEST_CASE("a query that is cancelled is not answered", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    Upstream upstream(loop, server.at());
    Waited gone;
    Waited stays;
    const auto number = upstream.ask(query_for("a.test", rr::kA), Via::udp, kLong, gone.callback());
    upstream.ask(query_for("b.test", rr::kA), Via::tcp, kLong, stays.callback());
    upstream.cancel(number);
    upstream.cancel(number);
    run_until(loop, [&] { return stays.done; });
    CHECK_FALSE(gone.done);
}

TEST_CASE("TCP connections are used again, and replaced when the server closed them",
          "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    Upstream upstream(loop, server.at());
    const auto ask = [&](bool wait_idle) {
        Waited waited;
        upstream.ask(query_for("a.test", rr::kA), Via::tcp, kLong, waited.callback());
        run_until(loop, [&] { return waited.done; });
        CHECK(waited.answer.size() > 12);
        if (wait_idle) CHECK(upstream.idle() == 1);
    };
    ask(true);
    ask(true);
    CHECK(server.connections() == 1);
    server.hang_up();
    ask(true);  // the old connection is dead, the query is sent again
    CHECK(server.connections() == 2);
    server.hang_up();
    run_until(loop, [&] { return upstream.idle() == 0; });
    ask(true);
    CHECK(server.connections() == 3);
}

TEST_CASE("idle connections expire", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, plain);
    UpstreamOptions options;
    options.expire = run::Milliseconds(30);
    Upstream upstream(loop, server.at(), options);
    Waited waited;
    upstream.ask(query_for("a.test", rr::kA), Via::tcp, kLong, waited.callback());
    run_until(loop, [&] { return waited.done; });
    CHECK(upstream.idle() == 1);
    run_until(loop, [&] { return upstream.idle() == 0; });
}

TEST_CASE("a connection that is closed without an answer is an error", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns* self = nullptr;
    ScriptedDns server(loop, [&](const Asked&) { return std::vector<Message>{}; });
    self = &server;
    Upstream upstream(loop, server.at());
    Waited waited;
    upstream.ask(query_for("a.test", rr::kA), Via::tcp, kLong, waited.callback());
    run_until(loop, [&] { return !server.asked().empty(); });
    self->hang_up();
    run_until(loop, [&] { return waited.done; });
    CHECK(waited.trouble == Trouble::network);
    CHECK(waited.text.find("closed") != std::string::npos);
}

TEST_CASE("an answer over TCP may be large and come after others", "[dns][upstream]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        std::vector<std::string> many(1500, "a.test. 60 IN TXT \"" + std::string(20, 'x') + "\"");
        auto stale = reply_to(query_for("z.test", rr::kA, 9), 0, {});
        return std::vector<Message>{stale, reply_to(asked.wire, 0, many)};
    });
    Upstream upstream(loop, server.at());
    Waited waited;
    upstream.ask(query_for("a.test", rr::kTxt), Via::tcp, kLong, waited.callback());
    run_until(loop, [&] { return waited.done; });
    CHECK(Header::read(waited.answer)->answers == 1500);
}

TEST_CASE("random numbers stay in range", "[dns][random]") {
    std::set<uint32_t> seen;
    for (int i = 0; i < 1000; i++) seen.insert(random_below(3));
    CHECK(seen == std::set<uint32_t>{0, 1, 2});
    CHECK(random_below(1) == 0);
}

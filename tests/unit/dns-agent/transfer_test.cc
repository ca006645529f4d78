// SPDX-License-Identifier: GPL-2.0-or-later
// Transfers over TCP on loopback.
#include "dns-agent/transfer.h"

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using run::Milliseconds;

namespace {

const auto kSoa = soa_record("example.com", 7);

Message framed_off(const AxfrMessage& message) {
    const auto bytes = message.bytes();
    return {bytes.begin() + 2, bytes.end()};
}

struct Outcome {
    bool done = false;
    TransferResult result;
};

/// A transfer to its end.
TransferResult outcome(run::Loop& loop, const net::Endpoint& server, TransferTimes times = {}) {
    Outcome out;
    const Transfer transfer(loop, server, dns_name("example.com"), 7, times,
                            [&](TransferResult result) {
                                out.result = std::move(result);
                                out.done = true;
                            });
    run_until(loop, [&] { return out.done; });
    CHECK(transfer.finished());
    return std::move(out.result);
}

}  // namespace

TEST_CASE("a transfer in several messages", "[transfer]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        CHECK(asked.tcp);
        CHECK(asked.question.type == dns::rr::kAxfr);
        AxfrMessage first{.records = {kSoa}};
        AxfrMessage second{.records = {}};
        for (int i = 0; i < 500; i++) {
            second.records.push_back(
                txt_record(fmt::format("h{}.example.com", i), "AA 203.0.113.1 + 1025"));
        }
        return {framed_off(first), framed_off(second), framed_off(second), framed_off(first)};
    });
    const auto zone = outcome(loop, server.at());
    REQUIRE(zone);
    CHECK(zone->entries.size() == 500);
}

TEST_CASE("a server that refuses, hangs up, is silent, or is not there", "[transfer]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked&) -> std::vector<Message> {
        return {framed_off({.records = {}, .flags = dns::flag::kQr | 5})};
    });
    CHECK(outcome(loop, server.at()).error().text == "the server answers REFUSED");
    CHECK_FALSE(outcome(loop, server.at()).error().gone);

    run::Timer hang_up(loop, [&] { server.hang_up(); });
    server.script([&](const Asked&) -> std::vector<Message> {
        hang_up.start(Milliseconds(0));
        return {framed_off({.records = {kSoa}})};
    });
    CHECK(outcome(loop, server.at()).error().text.find("the server closed the connection after") ==
          0);

    server.script([](const Asked&) { return std::vector<Message>{}; });
    CHECK(outcome(loop, server.at(), {.silence = Milliseconds(50)}).error().text ==
          "the server has fallen silent");
    CHECK(outcome(loop, nobody()).error().text.find("no connection: ") == 0);
    CHECK(outcome(loop, {net::Ip::parse("::1").value(), nobody().port})
              .error()
              .text.find("no connection: ") == 0);
}

TEST_CASE("a transfer that goes away early calls nobody", "[transfer]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked&) { return std::vector<Message>{}; });
    bool called = false;
    auto transfer =
        std::make_unique<Transfer>(loop, server.at(), dns_name("example.com"), 7, TransferTimes{},
                                   [&](const TransferResult&) { called = true; });
    transfer.reset();
    auto second =
        std::make_unique<Transfer>(loop, server.at(), dns_name("example.com"), 7, TransferTimes{},
                                   [&](const TransferResult&) { called = true; });
    run_until(loop, [&] { return !server.asked().empty(); });
    second.reset();
    bool turned = false;
    run::Timer turn(loop, [&] { turned = true; });
    turn.start(Milliseconds(1));
    run_until(loop, [&] { return turned; });
    CHECK_FALSE(called);
}

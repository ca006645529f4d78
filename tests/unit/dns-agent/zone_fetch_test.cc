// SPDX-License-Identifier: GPL-2.0-or-later
// Transfers over TCP on loopback.
#include "dns-agent/zone_fetch.h"

#include <ctime>

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
    FetchResult result;
};

using Have = std::shared_ptr<const Zone>;

/// A fetch to its end.
FetchResult outcome(run::Loop& loop, const net::Endpoint& server,
                    const dns::TransferLimits& limits = {}, const Have& have = nullptr,
                    const dns::TsigKey* key = nullptr) {
    Outcome out;
    const ZoneFetch fetch(loop,
                          {.server = server,
                           .zone = dns_name("example.com"),
                           .have = have,
                           .key = key,
                           .limits = limits},
                          [&](FetchResult result) {
                              out.result = std::move(result);
                              out.done = true;
                          });
    run_until(loop, [&] { return out.done; });
    CHECK(fetch.finished());
    return std::move(out.result);
}

Message answer(const Asked& asked, std::vector<dns::Record> records) {
    return framed_off(
        {.records = std::move(records), .id = asked.header.id, .type = asked.question.type});
}

Message refusal(const Asked& asked, uint16_t rcode) {
    return framed_off({.records = {},
                       .id = asked.header.id,
                       .flags = static_cast<uint16_t>(dns::flag::kQr | rcode),
                       .type = asked.question.type});
}

const auto kWeb = txt_record("web.example.com", "AA 203.0.113.1 + 1025");
const auto kMail = txt_record("mail.example.com", "AA 203.0.113.1 + 1026");

/// A server that has serial 8 and, of older ones, the differences from 7.
std::vector<Message> serve(const Asked& asked) {
    const auto now = soa_record("example.com", 8);
    switch (asked.question.type) {
        case dns::rr::kSoa:
            return {answer(asked, {now})};
        case dns::rr::kIxfr:
            return {answer(asked, {now, kSoa, now, kMail, now})};
        default:
            return {answer(asked, {now, kWeb, kMail, now})};
    }
}

Have zone_with(uint32_t serial, const std::vector<dns::Record>& records) {
    ZoneBuilder builder(dns_name("example.com"), nullptr);
    for (const auto& one : records) REQUIRE(builder.add(one.owner, one.type, one.rdata));
    return builder.finish(serial, false);
}

std::vector<uint16_t> types_of(const ScriptedDns& server) {
    std::vector<uint16_t> types;
    for (const auto& asked : server.asked()) types.push_back(asked.question.type);
    return types;
}

using Types = std::vector<uint16_t>;

}  // namespace

TEST_CASE("a transfer in several messages", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        CHECK(asked.tcp);
        if (asked.question.type == dns::rr::kSoa) return {answer(asked, {kSoa})};
        std::vector<dns::Record> first;
        std::vector<dns::Record> second;
        for (int i = 0; i < 500; i++) {
            const auto owner = fmt::format("h{}.example.com", i);
            first.push_back(txt_record(owner, "AA 203.0.113.1 + 1025"));
            second.push_back(txt_record(owner, "v=spf1"));
        }
        return {answer(asked, {kSoa}), answer(asked, first), answer(asked, second),
                answer(asked, {kSoa})};
    });
    const auto fetched = outcome(loop, server.at());
    REQUIRE(fetched);
    CHECK(fetched->zone->entries.size() == 500);
    CHECK(fetched->how == Fetched::How::whole);
    CHECK(types_of(server) == Types{dns::rr::kSoa, dns::rr::kAxfr});
}

TEST_CASE("the serial comes first: an unchanged zone is not transferred", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, serve);
    const auto have = zone_with(8, {kWeb});
    const auto fetched = outcome(loop, server.at(), {}, have);
    REQUIRE(fetched);
    CHECK(fetched->zone == have);
    CHECK(fetched->how == Fetched::How::unchanged);
    CHECK(types_of(server) == Types{dns::rr::kSoa});
}

TEST_CASE("a server that has the zone and refuses it has not lost it", "[zone_fetch]") {
    run::Loop loop;
    for (const uint16_t rcode : {dns::rcode::kNotAuth, dns::rcode::kRefused}) {
        ScriptedDns server(loop, [&](const Asked& asked) -> std::vector<Message> {
            if (asked.question.type == dns::rr::kSoa) return {answer(asked, {kSoa})};
            return {refusal(asked, rcode)};
        });
        const auto fetched = outcome(loop, server.at());
        REQUIRE_FALSE(fetched);
        CHECK_FALSE(fetched.error().gone);
        CHECK_FALSE(fetched.error().text.empty());
    }
}

TEST_CASE("differences where something is known", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, serve);
    const auto fetched = outcome(loop, server.at(), {}, zone_with(7, {kWeb}));
    REQUIRE(fetched);
    CHECK(fetched->how == Fetched::How::differences);
    CHECK(fetched->zone->serial == 8);
    CHECK(fetched->zone->entries == zone_with(8, {kWeb, kMail})->entries);
    CHECK(types_of(server) == Types{dns::rr::kSoa, dns::rr::kIxfr});
}

TEST_CASE("differences that do not fit, or are refused, end in a whole transfer", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, serve);
    auto fetched = outcome(loop, server.at(), {}, zone_with(7, {kWeb, kMail}));
    REQUIRE(fetched);
    CHECK(fetched->how == Fetched::How::whole);
    CHECK(fetched->note ==
          "no differences: the differences add a TXT record of mail.example.com. that is there "
          "already");
    CHECK(fetched->zone->entries.size() == 2);

    for (const uint16_t rcode : {uint16_t{1}, uint16_t{4}, uint16_t{5}}) {
        server.script([rcode](const Asked& asked) -> std::vector<Message> {
            if (asked.question.type == dns::rr::kIxfr) return {refusal(asked, rcode)};
            return serve(asked);
        });
        fetched = outcome(loop, server.at(), {}, zone_with(7, {kWeb}));
        REQUIRE(fetched);
        CHECK(fetched->how == Fetched::How::whole);
    }
}

TEST_CASE("a zone that was made anew, with a lower serial, is transferred as a whole",
          "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, serve);
    const auto fetched = outcome(loop, server.at(), {}, zone_with(9, {kWeb}));
    REQUIRE(fetched);
    CHECK(fetched->zone->serial == 8);
    CHECK(types_of(server) == Types{dns::rr::kSoa, dns::rr::kAxfr});
}

TEST_CASE("a server that refuses, hangs up, is silent, or is not there", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(
        loop, [](const Asked& asked) -> std::vector<Message> { return {refusal(asked, 5)}; });
    CHECK(outcome(loop, server.at()).error().text == "the server answers REFUSED");
    CHECK_FALSE(outcome(loop, server.at()).error().gone);
    server.script([](const Asked& asked) -> std::vector<Message> { return {refusal(asked, 9)}; });
    CHECK(outcome(loop, server.at()).error().gone);

    run::Timer hang_up(loop, [&] { server.hang_up(); });
    server.script([&](const Asked& asked) -> std::vector<Message> {
        if (asked.question.type == dns::rr::kAxfr) hang_up.start(Milliseconds(0));
        return {answer(asked, {kSoa})};
    });
    CHECK(outcome(loop, server.at()).error().text.find("the server closed the connection after") ==
          0);

    server.script([](const Asked&) { return std::vector<Message>{}; });
    CHECK(outcome(loop, server.at(), {.silence = Milliseconds(50)}).error().text ==
          "the server has sent nothing for 0.05 s");
    CHECK(outcome(loop, nobody()).error().text.find("no connection: ") == 0);
    CHECK(outcome(loop, {net::Ip::parse("::1").value(), nobody().port})
              .error()
              .text.find("no connection: ") == 0);
}

TEST_CASE("a server that answers what was not asked changes nothing", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        auto other = asked;
        other.header.id++;
        return {answer(other, {kSoa, kSoa})};
    });
    CHECK(outcome(loop, server.at()).error().text.find("answer to id ") == 0);
    server.script([](const Asked& asked) -> std::vector<Message> {
        return {framed_off({.records = {kSoa, kSoa},
                            .id = asked.header.id,
                            .zone = "example.net",
                            .type = asked.question.type})};
    });
    CHECK(outcome(loop, server.at()).error().text.find("it answers example.net.") == 0);
}

TEST_CASE("a server that drips is given up when the whole time is over", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        if (asked.question.type == dns::rr::kSoa) return {answer(asked, {kSoa})};
        return {answer(asked, {kSoa}), answer(asked, {kWeb})};
    });
    const auto result = outcome(loop, server.at(), {.whole = Milliseconds(50)});
    CHECK(result.error().text == "it takes more than 0.05 s");
}

TEST_CASE("a server that never ends is given up at the size", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        if (asked.question.type == dns::rr::kSoa) return {answer(asked, {kSoa})};
        std::vector<Message> out = {answer(asked, {kSoa})};
        for (int i = 0; i < 100; i++) out.push_back(answer(asked, {kWeb}));
        return out;
    });
    const auto result = outcome(loop, server.at(), {.bytes = 1000});
    CHECK(result.error().text == "it sends more than 1000 bytes");
    CHECK(result.error().limit == TransferError::Limit::bytes);
    CHECK(outcome(loop, server.at(), {.whole = Milliseconds(50)}).error().limit ==
          TransferError::Limit::whole);
}

TEST_CASE("a key: answers are taken signed only", "[zone_fetch]") {
    run::Loop loop;
    const dns::TsigKey key{dns_name("key."), dns::TsigAlgorithm::sha256,
                           std::vector<uint8_t>(32, 1)};
    ScriptedDns server(loop, serve);
    const auto plain = outcome(loop, server.at(), {}, nullptr, &key);
    CHECK(plain.error().text == "answer 1: it is not signed");

    server.script([&](const Asked& asked) -> std::vector<Message> {
        dns::TsigSession session(key);
        const auto now = static_cast<uint64_t>(std::time(nullptr));
        CHECK(session.verify(asked.wire, now));
        std::vector<Message> out;
        for (const auto& one : serve(asked)) out.push_back(session.sign(one, now));
        return out;
    });
    const auto fetched = outcome(loop, server.at(), {}, nullptr, &key);
    REQUIRE(fetched);
    CHECK(fetched->zone->entries.size() == 2);
    // NOTAUTH without a signature may come from anybody: the zone is not gone.
    server.script([](const Asked& asked) -> std::vector<Message> { return {refusal(asked, 9)}; });
    const auto refused = outcome(loop, server.at(), {}, nullptr, &key);
    CHECK_FALSE(refused.error().gone);
    CHECK(refused.error().text == "the server answers NOTAUTH, and it is not signed");
}

TEST_CASE("a fetch that goes away early calls nobody", "[zone_fetch]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked&) { return std::vector<Message>{}; });
    bool called = false;
    const auto make = [&] {
        return std::make_unique<ZoneFetch>(loop,
                                           ZoneFetch::Target{.server = server.at(),
                                                             .zone = dns_name("example.com"),
                                                             .have = nullptr,
                                                             .key = nullptr,
                                                             .limits = {}},
                                           [&](const FetchResult&) { called = true; });
    };
    make().reset();
    auto second = make();
    run_until(loop, [&] { return !server.asked().empty(); });
    second.reset();
    bool turned = false;
    run::Timer turn(loop, [&] { turned = true; });
    turn.start(Milliseconds(1));
    run_until(loop, [&] { return turned; });
    CHECK_FALSE(called);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/notify_listener.h"

#include "common/dns/upstream.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

constexpr uint64_t kNow = 1'700'000'000;
const dns::TsigKey kKey{dns_name("key."), dns::TsigAlgorithm::sha256, std::vector<uint8_t>(32, 1)};

Message notify(const std::string& zone, uint16_t type = dns::rr::kSoa,
               uint16_t flags = dns::opcode::kNotify << 11) {
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({dns_name(zone), type, dns::klass::kIn});
    const auto message = writer.finish(7, flags);
    return {message.begin(), message.end()};
}

NotifyAnswer answer(const Message& message, Heard heard, const dns::TsigKey* key = nullptr) {
    return answer_notify(message, key, kNow, [&](const dns::Name& zone) {
        CHECK(zone.str() == "example.com.");
        return heard;
    });
}

uint16_t rcode_of(const NotifyAnswer& answer) {
    const auto header = dns::Header::read(answer.bytes).value();
    CHECK(header.id == 7);
    CHECK(header.has(dns::flag::kQr));
    CHECK(header.opcode() == dns::opcode::kNotify);
    return header.rcode();
}

}  // namespace

TEST_CASE("a NOTIFY is answered to servers only", "[notify]") {
    const auto message = notify("example.com");
    const auto taken = answer(message, Heard::taken);
    CHECK(taken.taken);
    CHECK(rcode_of(taken) == dns::rcode::kNoError);
    CHECK(taken.bytes.size() == message.size());
    const auto other = answer(message, Heard::no_such_zone);
    CHECK_FALSE(other.taken);
    CHECK(rcode_of(other) == dns::rcode::kNotAuth);
    CHECK(answer(message, Heard::no_server).bytes.empty());
}

TEST_CASE("what is no NOTIFY gets no answer", "[notify]") {
    for (const auto& message :
         {Message{}, Message{1, 2, 3}, notify("example.com", dns::rr::kSoa, 0),
          notify("example.com", dns::rr::kSoa, dns::flag::kQr | dns::opcode::kNotify << 11),
          notify("example.com", dns::rr::kTxt), Message(12, 0x20)}) {
        const auto silent = answer(message, Heard::taken);
        CHECK_FALSE(silent.taken);
        CHECK(silent.bytes.empty());
        CHECK_FALSE(silent.flaw.empty());
    }
}

TEST_CASE("with a key, a NOTIFY must be signed with it, and is answered signed", "[notify]") {
    const auto plain = notify("example.com");
    const auto unsigned_one = answer(plain, Heard::taken, &kKey);
    CHECK_FALSE(unsigned_one.taken);
    CHECK(rcode_of(unsigned_one) == dns::rcode::kNotAuth);
    CHECK(unsigned_one.flaw ==
          "NOTIFY for example.com.: it is not signed; let the server sign it with key key.");
    dns::TsigSession session(kKey);
    const auto taken = answer(session.sign(plain, kNow), Heard::taken, &kKey);
    CHECK(taken.taken);
    CHECK(session.verify(taken.bytes, kNow));
}

TEST_CASE("over UDP and TCP: from a known address only", "[notify]") {
    const auto via = GENERATE(dns::Via::udp, dns::Via::tcp);
    run::Loop loop;
    run::Metrics metrics;
    std::vector<std::string> zones;
    bool known = true;
    auto listener = NotifyListener::make(loop, {*net::Ip::parse("127.0.0.1"), 0}, nullptr, metrics,
                                         [&](const dns::Name& zone, const net::Ip& from) {
                                             CHECK(from.str() == "127.0.0.1");
                                             if (!known) return Heard::no_server;
                                             if (!zone.is_root()) zones.push_back(zone.str());
                                             return Heard::taken;
                                         });
    REQUIRE(listener);
    dns::Upstream server(loop, (*listener)->at());
    bool answered = false;
    const auto ask = [&] {
        server.ask(notify("example.com"), via, run::Milliseconds(2000),
                   [&](const dns::Upstream::Outcome& outcome) { answered = outcome.has_value(); });
    };
    ask();
    run_until(loop, [&] { return answered; });
    CHECK(zones == std::vector<std::string>{"example.com."});
    known = false;
    bool silent = false;
    dns::Upstream stranger(loop, (*listener)->at());
    stranger.ask(notify("example.com"), via, run::Milliseconds(200),
                 [&](const dns::Upstream::Outcome& outcome) { silent = !outcome.has_value(); });
    run_until(loop, [&] { return silent; });
    CHECK(zones.size() == 1);
    const bool refused =
        metrics.text().find("notifies_total{result=\"refused\"} 1") != std::string::npos;
    CHECK(refused == (via == dns::Via::udp));  // over TCP nobody listened to it
}

TEST_CASE("an address that is taken is named", "[notify]") {
    run::Loop loop;
    run::Metrics metrics;
    const auto heed = [](const dns::Name&, const net::Ip&) { return Heard::taken; };
    const auto first =
        NotifyListener::make(loop, {*net::Ip::parse("127.0.0.1"), 0}, nullptr, metrics, heed);
    REQUIRE(first);
    const auto second = NotifyListener::make(loop, (*first)->at(), nullptr, metrics, heed);
    REQUIRE_FALSE(second);
    CHECK(second.error().text.find("-notify " + (*first)->at().str()) == 0);
}

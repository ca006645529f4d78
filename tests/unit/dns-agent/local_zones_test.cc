// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/local_zones.h"

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

using Ask = LocalZones::Ask;

Message answer(const Asked& asked, std::vector<dns::Record> records, uint16_t rcode = 0) {
    const auto bytes = AxfrMessage{.records = std::move(records),
                                   .id = asked.header.id,
                                   .flags = static_cast<uint16_t>(dns::flag::kQr | rcode),
                                   .zone = "internal",
                                   .type = asked.question.type}
                           .bytes();
    return {bytes.begin() + 2, bytes.end()};
}

struct Server {
    explicit Server(run::Loop& loop)
        : dns(loop, [this](const Asked& asked) -> std::vector<Message> {
              const auto soa = soa_record("internal", serial);
              if (asked.question.type == dns::rr::kSoa) return {answer(asked, {soa})};
              transfers++;
              if (refuses) return {answer(asked, {}, dns::rcode::kRefused)};
              return {answer(asked, {soa, a_record("web.internal", net::Ip::v4(serial)), soa})};
          }) {}
    uint32_t serial = 7;
    bool refuses = false;
    int transfers = 0;
    ScriptedDns dns;
};

LocalZones::Answer get(run::Loop& loop, LocalZones& zones, Ask ask = Ask::always) {
    LocalZones::Answer out = fail("not called");
    bool done = false;
    zones.get(dns_name("internal"), ask, [&](const LocalZones::Answer& answer) {
        out = answer;
        done = true;
    });
    CHECK_FALSE(done);
    run_until(loop, [&] { return done; });
    return out;
}

}  // namespace

TEST_CASE("a zone is transferred when its serial has changed", "[local_zones]") {
    run::Loop loop;
    Server server(loop);
    LocalZones zones(loop, {server.dns.at()});
    const auto first = get(loop, zones);
    REQUIRE(first);
    CHECK((*first)->find(dns_name("web.internal"), net::Family::v4)->ips ==
          std::vector{net::Ip::v4(7)});
    CHECK(get(loop, zones).value() == *first);
    CHECK(server.transfers == 1);
    server.serial = 8;
    CHECK(get(loop, zones).value()->serial == 8);
    CHECK(server.transfers == 2);
}

TEST_CASE("who asks at the same time shares the transfer", "[local_zones]") {
    run::Loop loop;
    Server server(loop);
    LocalZones zones(loop, {server.dns.at()});
    int answered = 0;
    for (int i = 0; i < 3; i++) {
        zones.get(dns_name("internal"), Ask::always,
                  [&](const LocalZones::Answer& answer) { answered += answer ? 1 : 0; });
    }
    run_until(loop, [&] { return answered == 3; });
    CHECK(server.transfers == 1);
}

TEST_CASE("the next server is asked where one refuses", "[local_zones]") {
    run::Loop loop;
    Server refusing(loop);
    refusing.refuses = true;
    Server giving(loop);
    LocalZones zones(loop, {nobody(), refusing.dns.at(), giving.dns.at()});
    CHECK(get(loop, zones));
    CHECK(giving.transfers == 1);
}

TEST_CASE("who was refused asks again at once only if it must", "[local_zones]") {
    run::Loop loop;
    Server server(loop);
    server.refuses = true;
    LocalZones zones(loop, {server.dns.at()});
    const auto refused = get(loop, zones, Ask::unless_refused);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text == "internal. cannot be transferred: " + server.dns.at().str() +
                                      ": the server answers REFUSED");
    server.refuses = false;
    CHECK_FALSE(get(loop, zones, Ask::unless_refused));
    CHECK(server.transfers == 1);
    CHECK(get(loop, zones));
    CHECK(get(loop, zones, Ask::unless_refused));
    CHECK(server.transfers == 2);
}

TEST_CASE("without a server there is no zone", "[local_zones]") {
    run::Loop loop;
    LocalZones zones(loop, {});
    CHECK(get(loop, zones).error().text == "no -resolver is given to transfer it from");
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/axfr.h"

#include "unit/catch.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

const auto kSoa = soa_record("example.com", 7);

std::vector<uint8_t> joined(const std::vector<AxfrMessage>& messages) {
    std::vector<uint8_t> out;
    for (const auto& message : messages) {
        const auto bytes = message.bytes();
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

/// Feeds all at once; the error's text, or "" and the zone.
std::string transfer(const std::vector<uint8_t>& bytes, Zone* zone = nullptr) {
    AxfrStream stream(dns_name("example.com"), 7);
    if (auto fed = stream.feed(bytes); !fed) return fed.error().text;
    if (!stream.done()) return stream.cut_short().text;
    auto got = stream.take();
    if (zone != nullptr) *zone = std::move(got);
    return "";
}

std::string transfer(const std::vector<AxfrMessage>& messages, Zone* zone = nullptr) {
    return transfer(joined(messages), zone);
}

}  // namespace

TEST_CASE("the query", "[axfr]") {
    const auto query = AxfrStream(dns_name("example.com"), 7).query();
    REQUIRE(query.size() == 2 + 12 + 13 + 4);
    CHECK(query[0] == 0);
    CHECK(query[1] == query.size() - 2);
    dns::MessageReader reader(dns::Bytes(query).subspan(2));
    CHECK(reader.header().id == 7);
    CHECK(reader.header().flags == 0);
    const auto question = reader.question();
    CHECK(question->name.str() == "example.com.");
    CHECK(question->type == dns::rr::kAxfr);
}

TEST_CASE("a zone in one message, and in many", "[axfr]") {
    const auto web = txt_record("Web.example.com", "AA gw.Example.com + 1025");
    const auto mail = txt_record("mail.example.com", "AA 203.0.113.1+1-22");
    const auto other = txt_record("mail.example.com", "v=spf1 -all");
    const auto a = a_record("web.example.com", net::Ip::v4(0x0a000001));
    Zone zone;
    const std::vector<Entry> expected = {{"mail.example.com.", "203.0.113.1", {0, 0x10022}},
                                         {"web.example.com.", "gw.example.com.", {0, 1025}}};
    CHECK(transfer({{{kSoa, web, mail, other, a, web, kSoa}}}, &zone) == "");
    CHECK((zone.entries == expected));
    CHECK(zone.serial == 7);
    CHECK(transfer({{{kSoa}},
                    {.records = {web, a}, .question = false},
                    {.records = {mail}},
                    {.records = {kSoa}, .question = false}},
                   &zone) == "");
    CHECK((zone.entries == expected));
}

TEST_CASE("pieces of any size", "[axfr]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    const auto bytes = joined({{{kSoa, web}}, {{kSoa}}});
    AxfrStream stream(dns_name("example.com"), 7);
    for (size_t i = 0; i < bytes.size(); i++) {
        CHECK_FALSE(stream.done());
        REQUIRE(stream.feed(dns::Bytes(bytes).subspan(i, 1)));
    }
    CHECK(stream.done());
    CHECK(stream.take().entries.size() == 1);
}

TEST_CASE("refusals, and which of them mean that the zone is gone", "[axfr]") {
    for (const uint16_t rcode : std::vector<uint16_t>{1, 2, 3, 5, 9}) {
        AxfrStream stream(dns_name("example.com"), 7);
        const AxfrMessage refusal{.records = {}, .flags = uint16_t(dns::flag::kQr | rcode)};
        const auto fed = stream.feed(refusal.bytes());
        REQUIRE_FALSE(fed);
        CHECK(fed.error().text == "the server answers " + dns::rcode_text(rcode));
        CHECK(fed.error().gone == (rcode == 3 || rcode == 9));
    }
}

TEST_CASE("streams that are wrong", "[axfr]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    CHECK(transfer({{.records = {kSoa, kSoa}, .id = 8}}) == "answer to id 8, asked was 7");
    CHECK(transfer({{.records = {kSoa, kSoa}, .flags = 0}}) == "it is no answer");
    CHECK(transfer({{.records = {kSoa}, .flags = dns::flag::kQr | 4 << 11}}) == "opcode 4");
    CHECK(transfer({{.records = {kSoa}, .flags = dns::flag::kQr | dns::flag::kTc}}) ==
          "an answer is cut (TC)");
    CHECK(transfer({{.records = {kSoa, kSoa}, .zone = "example.net"}}) ==
          "it answers example.net. AXFR");
    CHECK(transfer({{.records = {kSoa, kSoa}, .type = dns::rr::kSoa}}) ==
          "it answers example.com. SOA");
    CHECK(transfer({{{web, kSoa}}}) == "the zone does not begin with its SOA");
    CHECK(transfer({{{soa_record("example.net", 1), kSoa}}}) ==
          "the zone does not begin with its SOA");
    CHECK(transfer({{{kSoa, web, soa_record("example.com", 8)}}}) ==
          "the zone changed during the transfer");
    CHECK(transfer({{{kSoa, kSoa, web}}}) == "a record follows the end of the zone");
    CHECK(transfer({{{kSoa, kSoa}}, {{web}}}) == "a message follows the end of the zone");
    CHECK(transfer(std::vector<uint8_t>{0, 3, 1, 2, 3}) ==
          "a message of 3 bytes is no DNS message");
    const auto whole = AxfrMessage{.records = {kSoa, web}}.bytes();
    std::vector<uint8_t> cut(whole.begin(), whole.end() - 5);
    cut[1] = static_cast<uint8_t>(cut[1] - 5);
    CHECK(transfer(cut).find("malformed message") == 0);
}

TEST_CASE("streams that end too early", "[axfr]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    CHECK(transfer(std::vector<uint8_t>{}) == "the server closed the connection without an answer");
    const auto whole = joined({{{kSoa, web}}, {{kSoa}}});
    for (size_t size = 1; size < whole.size(); size++) {
        const std::vector<uint8_t> bytes(whole.begin(), whole.begin() + static_cast<long>(size));
        CHECK(transfer(bytes).find("the server closed the connection") == 0);
    }
}

TEST_CASE("what does not belong into a zone is passed over and named", "[axfr]") {
    auto chaos = txt_record("ch.example.com", "AA gw.example.com + 1025");
    chaos.klass = dns::klass::kCh;
    Zone zone;
    CHECK(transfer({{{kSoa, txt_record("web.example.net", "AA gw.example.com + 1025"), chaos,
                      txt_record("bad.example.com", "AA gw.example.com"), kSoa}}},
                   &zone) == "");
    CHECK(zone.entries.empty());
    REQUIRE(zone.warnings.size() == 3);
    CHECK(zone.warnings[0] == "web.example.net.: not in the zone, passed over");
    CHECK(zone.warnings[1] == "ch.example.com.: class CH is passed over");
    CHECK(zone.warnings[2].find("bad.example.com.: ") == 0);
}

TEST_CASE("warnings about a zone are bounded", "[axfr]") {
    AxfrMessage message{.records = {kSoa}};
    for (int i = 0; i < 100; i++) message.records.push_back(txt_record("x.example.com", "AA !"));
    message.records.push_back(kSoa);
    Zone zone;
    CHECK(transfer({message}, &zone) == "");
    CHECK(zone.warnings.size() == kMostWarnings);
    CHECK(zone.more_warnings == 80);
}

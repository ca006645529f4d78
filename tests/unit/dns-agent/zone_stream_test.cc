// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/zone_stream.h"

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

/// Feeds all at once to who has `have`; the error's text, or "" and the zone.
std::string transfer(const std::vector<uint8_t>& bytes, const std::shared_ptr<const Zone>& have,
                     Zone* zone) {
    ZoneStream stream(dns_name("example.com"), 7, have);
    auto& answers = stream.answers();
    if (auto fed = answers.feed(bytes); !fed) return fed.error().text;
    if (!answers.done()) return answers.cut_short().text;
    const auto got = stream.take();
    if (zone != nullptr) *zone = *got;
    return "";
}

/// Feeds all at once; the error's text, or "" and the zone.
std::string transfer(const std::vector<uint8_t>& bytes, Zone* zone = nullptr) {
    return transfer(bytes, nullptr, zone);
}

std::string transfer(const std::vector<AxfrMessage>& messages, Zone* zone = nullptr) {
    return transfer(joined(messages), zone);
}

}  // namespace

TEST_CASE("the query", "[zone_stream]") {
    const auto query = ZoneStream(dns_name("example.com"), 7, nullptr).answers().query();
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

TEST_CASE("a zone in one message, and in many", "[zone_stream]") {
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

TEST_CASE("pieces of any size", "[zone_stream]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    const auto bytes = joined({{{kSoa, web}}, {{kSoa}}});
    ZoneStream zone(dns_name("example.com"), 7, nullptr);
    auto& stream = zone.answers();
    for (size_t i = 0; i < bytes.size(); i++) {
        CHECK_FALSE(stream.done());
        REQUIRE(stream.feed(dns::Bytes(bytes).subspan(i, 1)));
    }
    CHECK(stream.done());
    CHECK(zone.take()->entries.size() == 1);
}

TEST_CASE("refusals, and which of them mean that the zone is gone", "[zone_stream]") {
    for (const uint16_t rcode : std::vector<uint16_t>{1, 2, 3, 5, 9}) {
        ZoneStream zone(dns_name("example.com"), 7, nullptr);
        auto& stream = zone.answers();
        const AxfrMessage refusal{.records = {}, .flags = uint16_t(dns::flag::kQr | rcode)};
        const auto fed = stream.feed(refusal.bytes());
        REQUIRE_FALSE(fed);
        CHECK(fed.error().text == "the server answers " + dns::rcode_text(rcode));
        CHECK(fed.error().gone == (rcode == 3 || rcode == 9));
    }
}

TEST_CASE("an answer without a record is no zone, and waits for none", "[zone_stream]") {
    ZoneStream zone(dns_name("example.com"), 7, nullptr);
    const AxfrMessage empty{.records = {}};
    const auto fed = zone.answers().feed(empty.bytes());
    REQUIRE_FALSE(fed);
    CHECK(fed.error().text == "it answers without the zone: a message has no record");
    CHECK(fed.error().answered);
}

TEST_CASE("streams that are wrong", "[zone_stream]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    CHECK(transfer({{.records = {kSoa, kSoa}, .id = 8}}) == "answer to id 8, asked was 7");
    CHECK(transfer({{.records = {kSoa, kSoa}, .flags = 0}}) == "it is no answer");
    CHECK(transfer({{.records = {kSoa}, .flags = dns::flag::kQr | 4 << 11}}) == "opcode 4");
    CHECK(transfer({{.records = {kSoa}, .flags = dns::flag::kQr | dns::flag::kTc}}) ==
          "an answer is cut (TC), which over TCP none may be");
    CHECK(transfer({{.records = {kSoa, kSoa}, .zone = "example.net"}}) ==
          "it answers example.net. AXFR, asked was example.com. AXFR");
    CHECK(transfer({{.records = {kSoa, kSoa}, .type = dns::rr::kSoa}}) ==
          "it answers example.com. SOA, asked was example.com. AXFR");
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
    CHECK(transfer(cut) == "message 1 is malformed");
}

TEST_CASE("records that take little on the wire and much in memory", "[zone_stream]") {
    // The owner is two bytes in each record but the first, each string an entry with its own.
    const std::string deep(60, 'x');
    const auto owner = fmt::format("{0}.{0}.{0}.example.com", deep);
    std::vector<uint8_t> rdata;
    for (int i = 0; i < 200; i++) {
        const auto text = fmt::format("AA 1.1.1.1+{:x}", 0x100 + i);
        rdata.push_back(static_cast<uint8_t>(text.size()));
        rdata.insert(rdata.end(), text.begin(), text.end());
    }
    ZoneBuilder builder(dns_name("example.com"), nullptr);
    ZoneBuilder::Step step;
    size_t wire = 0;
    for (; step && wire < (256u << 20); wire += 12 + rdata.size()) {
        step = builder.add(dns_name(owner), dns::rr::kTxt, rdata);
    }
    REQUIRE_FALSE(step);
    CHECK(step.error() == "the zone's AA records take more than 512 MB of memory");
    CHECK(wire < (64u << 20));
}

TEST_CASE("streams that end too early", "[zone_stream]") {
    const auto web = txt_record("web.example.com", "AA gw.example.com + 1025");
    CHECK(transfer(std::vector<uint8_t>{}) == "the server closed the connection without an answer");
    const auto whole = joined({{{kSoa, web}}, {{kSoa}}});
    for (size_t size = 1; size < whole.size(); size++) {
        const std::vector<uint8_t> bytes(whole.begin(), whole.begin() + static_cast<long>(size));
        CHECK(transfer(bytes).find("the server closed the connection") == 0);
    }
}

TEST_CASE("what does not belong into a zone is passed over and named", "[zone_stream]") {
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

TEST_CASE("warnings about a zone are bounded", "[zone_stream]") {
    AxfrMessage message{.records = {kSoa}};
    for (int i = 0; i < 100; i++) {
        message.records.push_back(txt_record(fmt::format("x{}.example.com", i), "AA !"));
    }
    message.records.push_back(kSoa);
    Zone zone;
    CHECK(transfer({message}, &zone) == "");
    CHECK(zone.warnings.size() == kMostWarnings);
    CHECK(zone.more_warnings == 80);
}

TEST_CASE("a wildcard and the zone's own name publish no host, which is said", "[zone_stream]") {
    Zone zone;
    CHECK(transfer({{{kSoa, txt_record("Example.com", "AA gw.example.com + 1"),
                      txt_record("*.example.com", "AA gw.example.com + 2"),
                      txt_record("example.com", "v=spf1 -all"), kSoa}}},
                   &zone) == "");
    CHECK(zone.entries.empty());
    REQUIRE(zone.warnings.size() == 2);
    CHECK(zone.warnings[0] ==
          "*.example.com.: a wildcard publishes no host, its AA records are skipped");
    CHECK(zone.warnings[1] ==
          "example.com.: the zone's own name publishes no host, its AA records are skipped");
}

namespace {

const auto kWeb = txt_record("web.example.com", "AA gw.example.com + 1025");
const auto kMail = txt_record("mail.example.com", "AA gw.example.com + 1026");
const auto kSoa8 = soa_record("example.com", 8);
const auto kSoa9 = soa_record("example.com", 9);

/// Serial 7 with web.
std::shared_ptr<const Zone> before() {
    ZoneStream stream(dns_name("example.com"), 7, nullptr);
    REQUIRE(stream.answers().feed(AxfrMessage{.records = {kSoa, kWeb, kSoa}}.bytes()));
    return stream.take();
}

/// What IXFR's answer makes of that: the error, or the owners and "unchanged", "changes", "zone".
std::string differences(std::vector<dns::Record> records) {
    const auto have = before();
    ZoneStream stream(dns_name("example.com"), 7, have);
    AxfrMessage message{.records = std::move(records)};
    message.type = dns::rr::kIxfr;
    if (auto fed = stream.answers().feed(message.bytes()); !fed) return fed.error().text;
    if (!stream.answers().done()) return stream.answers().cut_short().text;
    const auto got = stream.take();
    std::string text = got == have ? "unchanged" : stream.differences() ? "changes" : "zone";
    text += fmt::format(" {}", got->serial);
    for (const auto& entry : got->entries) text += " " + entry.owner;
    return text;
}

}  // namespace

TEST_CASE("the query for differences names the serial that is there", "[zone_stream]") {
    ZoneStream stream(dns_name("example.com"), 7, before());
    const auto query = stream.answers().query();
    dns::MessageReader reader(dns::Bytes(query).subspan(2));
    CHECK(reader.question()->type == dns::rr::kIxfr);
    const auto soa = reader.record();
    REQUIRE(soa);
    CHECK(soa->section == dns::Section::authority);
    CHECK(dns::soa_serial(soa->rdata) == 7);
    CHECK(reader.done());
}

TEST_CASE("differences are applied in order", "[zone_stream]") {
    CHECK(differences({kSoa8, kSoa, kSoa8, kMail, kSoa8}) ==
          "changes 8 mail.example.com. web.example.com.");
    CHECK(differences({kSoa8, kSoa, kWeb, kSoa8, kMail, kSoa8}) == "changes 8 mail.example.com.");
    CHECK(differences({kSoa9, kSoa, kWeb, kSoa8, kMail, kSoa8, kMail, kSoa9, kWeb, kSoa9}) ==
          "changes 9 web.example.com.");
    const auto other = a_record("x.example.com", net::Ip::v4(1));
    CHECK(differences({kSoa8, kSoa, other, kSoa8, other, other, kSoa8}) ==
          "changes 8 web.example.com.");
}

TEST_CASE("nothing newer, and a whole zone instead of differences", "[zone_stream]") {
    CHECK(differences({kSoa}) == "unchanged 7 web.example.com.");
    CHECK(differences({kSoa8, kMail, kSoa8}) == "zone 8 mail.example.com.");
    CHECK(differences({kSoa8, kSoa8}) == "zone 8");
    CHECK(differences({kSoa8}).find("the server closed the connection") == 0);
}

TEST_CASE("differences that do not fit are refused", "[zone_stream]") {
    CHECK(differences({kSoa8, kSoa, kMail, kSoa8, kSoa8}) ==
          "the differences remove a TXT record of mail.example.com. that is not there");
    CHECK(differences({kSoa8, kSoa, kSoa8, kWeb, kSoa8}) ==
          "the differences add a TXT record of web.example.com. that is there already");
    CHECK(differences({kSoa9, kSoa8, kSoa9, kMail, kSoa9}) ==
          "differences go on from serial 8, not from 7");
    CHECK(differences({kSoa9, kSoa, kSoa8, kMail, kSoa9}) ==
          "differences go on from serial 9, not from 8");
    CHECK(differences({kSoa9, kSoa, kSoa, kSoa9}) == "differences lead from serial 7 to 7");
    CHECK(differences({kSoa8, kSoa, kSoa8, kMail, kSoa8, kMail}) ==
          "a record follows the end of the differences");
}

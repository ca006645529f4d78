// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/encode.h"

#include <deque>

#include "common/dns/ldns.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

struct Fixture {
    Request request;
    Reply reply;
    std::vector<uint8_t> space = std::vector<uint8_t>(65535);
    std::deque<dns::Record> records;

    Fixture() {
        request.id = 7;
        request.rd = true;
        request.name = *Name::parse("WWW.example.org");
        request.lower = request.name.lower();
        request.type = dns::rr::kA;
        request.klass = dns::klass::kIn;
    }
    void add(std::vector<RecordRef>& to, const std::string& line) {
        const auto& record = records.emplace_back(dns::parse_record(line).value());
        to.push_back({record.owner.wire(), record.type, record.klass, record.ttl, record.rdata});
    }
    Bytes encode(size_t limit) {
        return Bytes(space).first(encode_reply(request, reply, limit, space));
    }
};

/// Sections as text, one line a record.
std::vector<std::string> lines(Bytes message) {
    dns::MessageReader in(message);
    std::vector<std::string> out;
    while (const auto record = in.record()) {
        if (record->type == dns::rr::kOpt) {
            out.push_back("OPT");
            continue;
        }
        const dns::Record plain{record->owner, record->type, record->klass, record->ttl,
                                in.plain_rdata(*record).value()};
        out.push_back(fmt::format("{} {} {} {}", static_cast<int>(record->section),
                                  plain.owner.str(), dns::type_text(plain.type),
                                  dns::rdata_text(plain)));
    }
    CHECK(in.done());
    return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("Names are compressed in owners and in old types, and read back the same", "[encode]") {
    Fixture f;
    f.add(f.reply.answer, "www.example.org. 60 IN CNAME a.b.example.org.");
    f.add(f.reply.answer, "a.b.example.org. 60 IN MX 5 www.example.org.");
    f.add(f.reply.authority, "example.org. 60 IN SOA ns.example.org. hm.example.org. 1 2 3 4 5");
    f.add(f.reply.additional, "_sip.example.org. 60 IN SRV 1 2 3 www.example.org.");
    f.reply.aa = true;
    const auto message = f.encode(512);
    CHECK(lines(message) == Lines{"0 WWW.example.org. CNAME a.b.example.org.",
                                  "0 a.b.example.org. MX 5 WWW.example.org.",
                                  "1 example.org. SOA ns.example.org. hm.example.org. 1 2 3 4 5",
                                  "2 _sip.example.org. SRV 1 2 3 www.example.org."});
    // Header, question (17 + 4), then: CNAME 12+4+2; MX 12+2+2; SOA 12+5+5+20; SRV 7+10+6+17.
    CHECK(message.size() == 12 + 21 + 18 + 16 + 42 + 40);
    CHECK(reply_size(f.request, f.reply) > message.size());
    const auto header = dns::Header::read(message);
    CHECK(header->id == 7);
    CHECK(header->flags == (dns::flag::kQr | dns::flag::kAa | dns::flag::kRd));
}

TEST_CASE("A DNAME's target is not compressed, but may be pointed at", "[encode]") {
    Fixture f;
    f.add(f.reply.answer, "example.org. 60 IN DNAME sub.example.net.");
    f.add(f.reply.answer, "www.example.org. 60 IN CNAME www.sub.example.net.");
    const auto message = f.encode(512);
    CHECK(lines(message).back() == "0 WWW.example.org. CNAME www.sub.example.net.");
    CHECK(message.size() == 12 + 21 + (12 + 17) + (12 + 4 + 2));
}

TEST_CASE("What does not fit is left out and TC is set; OPT always has room", "[encode]") {
    Fixture f;
    for (int i = 0; i < 60; i++) {
        f.add(f.reply.answer, fmt::format("www.example.org. 60 IN A 192.0.2.{}", i));
    }
    f.add(f.reply.additional, "ns.example.org. 60 IN A 192.0.2.99");
    f.request.edns.present = true;
    f.request.edns.dnssec_ok = true;
    const auto cut = f.encode(512);
    CHECK(cut.size() <= 512);
    CHECK(dns::Header::read(cut)->has(dns::flag::kTc));
    const auto told = lines(cut);
    CHECK(told.back() == "OPT");
    CHECK(told.size() == (512 - 12 - 21 - 11) / 16 + 1);
    const auto whole = f.encode(4096);
    CHECK_FALSE(dns::Header::read(whole)->has(dns::flag::kTc));
    CHECK(lines(whole).size() == 62);
}

TEST_CASE("Extended rcodes and errors need the client's OPT", "[encode]") {
    Fixture f;
    f.reply.rcode = dns::rcode::kBadVers;
    const std::vector<uint8_t> error = {0, 22, 'x'};
    f.reply.options.push_back({dns::option::kExtendedError, error});
    CHECK(lines(f.encode(512)).empty());
    f.request.edns.present = true;
    f.request.edns.dnssec_ok = true;
    const auto message = f.encode(512);
    dns::MessageReader in(message);
    const auto record = in.record();
    REQUIRE(record);
    const auto edns = dns::Edns::from(*record);
    CHECK(edns.extended_rcode == 1);
    CHECK(edns.dnssec_ok);
    CHECK(edns.udp_size == 1232);
    REQUIRE(edns.option(dns::option::kExtendedError));
    CHECK(std::ranges::equal(*edns.option(dns::option::kExtendedError), error));
}

TEST_CASE("Large messages: no pointer beyond what 14 bits reach", "[encode]") {
    Fixture f;
    for (int i = 0; i < 900; i++) {
        f.add(f.reply.answer,
              fmt::format("host{}.d{}.example.org. 60 IN NS ns{}.other.net.", i, i % 7, i));
    }
    const auto message = f.encode(65535);
    CHECK(message.size() > 0x4000);
    const auto told = lines(message);
    REQUIRE(told.size() == 900);
    CHECK(told[899] == "0 host899.d3.example.org. NS ns899.other.net.");
}

TEST_CASE("An answer of nothing but a header", "[encode]") {
    std::vector<uint8_t> query(12);
    query[0] = 0xab;
    query[2] = 0x29;  // UPDATE, RD
    std::array<uint8_t, 512> out{};
    CHECK(encode_header_only(query, dns::rcode::kNotImp, out) == 12);
    const auto header = dns::Header::read(out);
    CHECK(header->id == 0xab00);
    CHECK(header->flags == 0xa904);
    CHECK(encode_header_only(Bytes(query).first(11), dns::rcode::kNotImp, out) == 0);
}

TEST_CASE("A packed reply goes out with the query's id, flags and OPT", "[encode]") {
    Fixture f;
    f.add(f.reply.answer, "www.example.org. 60 IN CNAME a.example.org.");
    f.add(f.reply.additional, "a.example.org. 60 IN A 192.0.2.1");
    std::vector<uint8_t> packed(65535);
    packed.resize(encode_packed(f.request, f.reply, packed));
    const auto plain = f.encode(512);
    const Lines sections = lines(plain);
    CHECK(packed.size() == plain.size());
    const size_t size = reply_size(f.request, f.reply);
    std::vector<uint8_t> small(packed.size() - 1);
    CHECK(encode_packed(f.request, f.reply, small) == 0);

    f.reply.clear();
    CHECK_FALSE(f.reply.is_packed());
    f.reply.packed = {packed, size, false};
    f.reply.ra = true;
    f.request.id = 8;
    f.request.edns.present = true;
    CHECK(packed_fits(f.request, f.reply, packed.size() + 11));
    CHECK_FALSE(packed_fits(f.request, f.reply, packed.size() + 10));
    const auto message = f.encode(512);
    auto told = lines(message);
    CHECK(told.back() == "OPT");
    told.pop_back();
    CHECK(told == sections);
    const auto header = dns::Header::read(message);
    CHECK(header->id == 8);
    CHECK(header->flags == (dns::flag::kQr | dns::flag::kRd | dns::flag::kRa));
    CHECK(header->additionals == 2);
    CHECK(reply_size(f.request, f.reply) == size);
}

TEST_CASE("Data that is not what its type says goes out as it came", "[encode]") {
    const std::vector<std::vector<uint8_t>> broken = {
        {}, {3, 'a', 'b'}, {0xc0, 12}, {200, 'a', 0}, std::vector<uint8_t>(300, 1)};
    for (const uint16_t type : {dns::rr::kNs, dns::rr::kMx, dns::rr::kSoa, dns::rr::kMd}) {
        for (const auto& data : broken) {
            Fixture f;
            const auto name = f.request.name;
            f.reply.answer.push_back({.owner = name.wire(), .type = type, .rdata = data});
            dns::MessageReader in(f.encode(65535));
            const auto record = in.record();
            REQUIRE(record);
            CHECK(std::equal(data.begin(), data.end(), record->rdata.begin(), record->rdata.end()));
        }
    }
}

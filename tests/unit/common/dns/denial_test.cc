// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/denial.h"

#include "common/dns/ldns.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::dns;

namespace {

Name name(const std::string& text) {
    return Name::parse(text).value();
}

const std::string kWell;

std::string outcome(const Denial::Verdict& verdict) {
    return verdict ? kWell : verdict.error();
}

/// example.com: b, x.ent, a delegation of sub, and a wildcard below w.
const std::vector<std::string> kChain = {
    "example.com. 300 IN NSEC b.example.com. NS SOA RRSIG NSEC DNSKEY",
    "b.example.com. 300 IN NSEC x.ent.example.com. A RRSIG NSEC",
    "x.ent.example.com. 300 IN NSEC sub.example.com. TXT RRSIG NSEC",
    "sub.example.com. 300 IN NSEC *.w.example.com. NS RRSIG NSEC",
    "*.w.example.com. 300 IN NSEC example.com. TXT RRSIG NSEC",
};

Denial chain(const std::string& without = "") {
    Denial denial(name("example.com"));
    for (const auto& line : kChain) {
        if (line.substr(0, line.find(' ')) != without) denial.add(parse_record(line).value());
    }
    return denial;
}

/// The zone of RFC 5155 appendix A: owner, next, types.
struct Link {
    const char* owner;
    const char* next;
    const char* types;
};
constexpr Link kHashed[] = {
    {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
     "MX DNSKEY NS SOA NSEC3PARAM RRSIG"},
    {"2t7b4g4vsa5smi47k61mv5bv1a22bojr", "2vptu5timamqttgl4luu9kg21e0aor3s", "A RRSIG"},
    {"2vptu5timamqttgl4luu9kg21e0aor3s", "35mthgpgcu1qg68fab165klnsnk3dpvl", "MX RRSIG"},
    {"35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995", "NS DS RRSIG"},
    {"b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi", "MX RRSIG"},
    {"gjeqe526plbf1g8mklp59enfd789njgi", "ji6neoaepv8b5o6k4ev33abha8ht9fgc", "HINFO A AAAA RRSIG"},
    {"ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h", ""},
    {"k8udemvp1j2f7eg6jebps17vp3n8i58h", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi", ""},
    {"kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "q04jkcevqvmu85r014c7dkba38o0ji5r", "A RRSIG"},
    {"q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en", "A RRSIG"},
    {"r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv", "MX RRSIG"},
    {"t644ebqk9bibcna874givr6joj62mlhv", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "HINFO A AAAA RRSIG"},
};

Denial hashed(int flags, int iterations = 12, const std::string& without = "") {
    Denial denial(name("example"));
    for (const auto& link : kHashed) {
        if (link.owner == without) continue;
        denial.add(parse_record(fmt::format("{}.example. 300 IN NSEC3 1 {} {} aabbccdd {} {}",
                                            link.owner, flags, iterations, link.next, link.types))
                       .value());
    }
    return denial;
}

}  // namespace

TEST_CASE("NSEC says what is not there", "[denial]") {
    const Denial denial = chain();
    CHECK(outcome(denial.none(name("b.example.com"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("c.example.com"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("a.example.com"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("ent.example.com"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("deep.sub.example.com"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("y.w.example.com"), rr::kA)) == kWell);
    CHECK(outcome(denial.none(name("x.ent.example.com"), rr::kTxt)) ==
          "its NSEC record says that it is there");
    CHECK(outcome(denial.none(name("y.w.example.com"), rr::kTxt)) == "*.w.example.com. is there");
    CHECK(outcome(denial.none(name("example.org"), rr::kTxt)) == "it is not in example.com.");
}

TEST_CASE("NSEC that is not there proves nothing", "[denial]") {
    CHECK(outcome(chain("b.example.com.").none(name("c.example.com"), rr::kTxt)) ==
          "no signed NSEC record is about it");
    CHECK(outcome(chain("example.com.").none(name("c.example.com"), rr::kTxt)) ==
          "no signed NSEC record says that there is no *.example.com.");
    CHECK(outcome(Denial(name("example.com")).none(name("c.example.com"), rr::kTxt)) ==
          "no signed NSEC or NSEC3 record proves it");
}

TEST_CASE("an alias may have it, a delegation has it elsewhere", "[denial]") {
    Denial denial(name("example.com"));
    denial.add(parse_record("a.example.com. 300 IN NSEC example.com. CNAME RRSIG NSEC").value());
    CHECK_FALSE(denial.none(name("a.example.com"), rr::kTxt));
    denial.add_cut(name("cut.example.com"));
    CHECK(denial.none(name("x.cut.example.com"), rr::kTxt));
    CHECK_FALSE(denial.none(name("xcut.example.com"), rr::kTxt));
}

TEST_CASE("a wildcard may answer only for what nothing closer is there", "[denial]") {
    const Denial denial = chain();
    CHECK(outcome(denial.of_wildcard(name("y.w.example.com"), 3)) == kWell);
    CHECK_FALSE(denial.of_wildcard(name("y.w.example.com"), 2));
    CHECK_FALSE(denial.of_wildcard(name("y.w.example.com"), 4));
    CHECK_FALSE(denial.of_wildcard(name("b.example.com"), 2));
    CHECK_FALSE(denial.of_wildcard(name("ent.example.com"), 2));
    CHECK_FALSE(denial.of_wildcard(name("deep.sub.example.com"), 2));
    CHECK_FALSE(chain("*.w.example.com.").of_wildcard(name("y.w.example.com"), 3));
}

TEST_CASE("NSEC3 says what is not there, by the zone of RFC 5155", "[denial]") {
    const Denial denial = hashed(0);
    CHECK(outcome(denial.none(name("ns1.example"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("a.c.x.w.example"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("y.w.example"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("a.z.w.example"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("mc.a.example"), rr::kTxt)) == kWell);
    CHECK(outcome(denial.none(name("ns1.example"), rr::kA)) ==
          "its NSEC3 record says that it is there");
    CHECK(outcome(denial.none(name("a.z.w.example"), rr::kMx)) ==
          "no signed NSEC3 record says that there is no *.w.example.");
    CHECK(outcome(denial.of_wildcard(name("a.z.w.example"), 2)) == kWell);
    CHECK_FALSE(denial.of_wildcard(name("ns1.example"), 1));
}

TEST_CASE("NSEC3 records that are missing, or hash too often", "[denial]") {
    // The span that holds the next closer name, c.x.w.example.
    const auto without = hashed(0, 12, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
    CHECK(outcome(without.none(name("a.c.x.w.example"), rr::kTxt)) ==
          "no signed NSEC3 records prove it");
    CHECK(outcome(hashed(0, Denial::kMostIterations + 1).none(name("c.example"), rr::kTxt))
              .starts_with("its proof hashes names 51 times (NSEC3), more than 50"));
    CHECK_FALSE(hashed(2).none(name("ns1.example"), rr::kTxt));  // a flag that nobody knows
}

TEST_CASE("malformed denials do not count", "[denial]") {
    Denial denial(name("example.com"));
    auto record = parse_record(kChain[1]).value();
    for (size_t size = 0; size < record.rdata.size(); size++) {
        if (size == name("x.ent.example.com").size()) continue;  // no types at all
        auto cut = record;
        cut.rdata.resize(size);
        denial.add(cut);
        cut.type = rr::kNsec3;
        denial.add(cut);
    }
    CHECK_FALSE(denial.of_wildcard(name("c.example.com"), 2));
    CHECK_FALSE(denial.none(name("example.org"), rr::kTxt));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Signatures are judged by ldns.
#include "resolver/plugins/dnssec/signatures.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/resolver/plugins/zone_key.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;

namespace {

namespace rr = dns::rr;

const char* const kZone =
    "$ORIGIN example.org.\n"
    "@ 3600 SOA Ns Hostmaster 1 7200 3600 1209600 300\n@ 3600 NS Ns\n"
    "ns 3600 A 192.0.2.1\n@ 3600 MX 10 Mail\nmail 60 A 192.0.2.2\nmail 60 A 192.0.2.3\n"
    "alias 60 CNAME mail\nbroken 60 CNAME nowhere\n*.wild 60 TXT \"star\"\n"
    "sub 3600 NS ns.sub\nns.sub 3600 A 192.0.2.9\n"
    "safe 3600 NS ns.sub\nsafe 3600 DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n";

/// A server with a zone and its keys.
struct Signed {
    explicit Signed(std::vector<std::pair<ldns_signing_algorithm, uint16_t>> wanted = {
                        {LDNS_SIGN_ECDSAP256SHA256, 257}}) {
        std::ofstream(directory.path() / "db") << kZone;
        std::string files;
        for (const auto& [algorithm, flags] : wanted) {
            const auto base = directory.path() / fmt::format("K{}", keys.size());
            keys.push_back(write_zone_key(base, "example.org.", algorithm, flags));
            files += " " + base.string();
        }
        bench.open(fmt::format("example.org {{\n dnssec {{\n key file{}\n }}\n file {}\n}}\n",
                               files, (directory.path() / "db").string()));
    }
    Answered& get(const std::string& name, uint16_t type, bool wants = true) {
        auto query = query_for(name, type, next_++, true);
        if (wants) query[query.size() - 4] = 0x80;  // DO, in front of the size of options
        return bench.get(query);
    }
    /// Sets of a section that a key of ours has signed; a wrong signature fails the test.
    size_t good(const Answered& answered, ldns_pkt_section section) {
        ldns_pkt* raw = nullptr;
        REQUIRE(ldns_wire2pkt(&raw, answered.message.data(), answered.message.size()) ==
                LDNS_STATUS_OK);
        const dns::LdnsPkt packet(raw);
        const dns::LdnsRrList all(ldns_pkt_rr_list_by_type(raw, LDNS_RR_TYPE_RRSIG, section));
        if (all == nullptr) return 0;
        const dns::LdnsRrList records(ldns_pkt_get_section_clone(raw, section));
        size_t count = 0;
        for (size_t i = 0; i < ldns_rr_list_rr_count(all.get()); i++) {
            const auto* signature = ldns_rr_list_rr(all.get(), i);
            count++;
            check(*records, *signature);
        }
        return count;
    }
    void check(const ldns_rr_list& records, const ldns_rr& signature) {
        const auto covered = ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(&signature));
        ldns_rr_list* set = ldns_rr_list_new();
        for (size_t i = 0; i < ldns_rr_list_rr_count(&records); i++) {
            ldns_rr* one = ldns_rr_list_rr(&records, i);
            if (ldns_rr_get_type(one) == covered &&
                ldns_dname_compare(ldns_rr_owner(one), ldns_rr_owner(&signature)) == 0) {
                ldns_rr_list_push_rr(set, one);
            }
        }
        const auto tag = ldns_rdf2native_int16(ldns_rr_rrsig_keytag(&signature));
        bool fine = false;
        for (const auto& key : keys) {
            if (ldns_calc_keytag(key.get()) != tag) continue;
            fine = ldns_verify_rrsig(set, const_cast<ldns_rr*>(&signature), key.get()) ==
                   LDNS_STATUS_OK;
        }
        INFO(dns::take_ldns_text(ldns_rr2str(&signature)));
        CHECK(fine);
        ldns_rr_list_free(set);
    }

    TemporaryDirectory directory;
    std::vector<dns::LdnsRr> keys;
    ResolverBench bench;
    uint16_t next_ = 1;
};

bool has(const std::vector<std::string>& lines, const std::string& text) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.find(text) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("Answers are signed by every algorithm, to those who ask for it", "[dnssec]") {
    const auto algorithm = GENERATE(LDNS_SIGN_ECDSAP256SHA256, LDNS_SIGN_ECDSAP384SHA384,
                                    LDNS_SIGN_ED25519, LDNS_SIGN_RSASHA256, LDNS_SIGN_RSASHA512);
    Signed server({{algorithm, 257}});
    for (const auto& [name, type] :
         std::vector<std::pair<const char*, uint16_t>>{{"MAIL.example.org", rr::kA},
                                                       {"example.org", rr::kMx},
                                                       {"example.org", rr::kSoa},
                                                       {"a.b.wild.example.org", rr::kTxt},
                                                       {"example.org", rr::kDnskey}}) {
        INFO(name);
        CHECK(server.good(server.get(name, type), LDNS_SECTION_ANSWER) == 1);
        CHECK_FALSE(has(server.get(name, type, false).answer, "RRSIG"));
    }
    auto& alias = server.get("alias.example.org", rr::kA);
    CHECK(server.good(alias, LDNS_SECTION_ANSWER) == 2);
    CHECK(server.good(server.get("mail.example.org", rr::kA), LDNS_SECTION_AUTHORITY) == 1);
}

TEST_CASE("What does not exist is denied at its own name", "[dnssec]") {
    Signed server;
    auto& nothing = server.get("nothing.example.org", rr::kA);
    CHECK(nothing.rcode == "NOERROR");
    CHECK(server.good(nothing, LDNS_SECTION_AUTHORITY) == 2);
    CHECK(has(nothing.authority,
              "nothing.example.org. 300 IN NSEC \\000.nothing.example.org. RRSIG NSEC"));
    CHECK(server.get("nothing.example.org", rr::kA, false).rcode == "NXDOMAIN");
    auto& no_data = server.get("mail.example.org", rr::kTxt);
    CHECK(server.good(no_data, LDNS_SECTION_AUTHORITY) == 2);
    CHECK(has(no_data.authority, "NSEC \\000.mail.example.org. A HINFO AAAA"));
    auto& apex = server.get("example.org", rr::kTxt);
    CHECK(server.good(apex, LDNS_SECTION_AUTHORITY) == 2);
    CHECK(has(apex.authority, "NSEC \\000.example.org. A NS SOA HINFO MX AAAA"));
    auto& broken = server.get("broken.example.org", rr::kA);
    CHECK(server.good(broken, LDNS_SECTION_ANSWER) == 1);
    CHECK(has(broken.authority, "nowhere.example.org. 300 IN NSEC \\000.nowhere"));
}

TEST_CASE("A referral is signed where the zone has authority", "[dnssec]") {
    Signed server;
    auto& open = server.get("www.sub.example.org", rr::kA);
    CHECK(server.good(open, LDNS_SECTION_AUTHORITY) == 1);
    CHECK(
        has(open.authority, "sub.example.org. 3600 IN NSEC \\000.sub.example.org. NS RRSIG NSEC"));
    CHECK_FALSE(has(open.authority, "RRSIG NS "));
    CHECK_FALSE(has(open.additional, "RRSIG"));
    auto& secure = server.get("www.safe.example.org", rr::kA);
    CHECK(server.good(secure, LDNS_SECTION_AUTHORITY) == 1);
    CHECK(has(secure.authority, "RRSIG DS "));
}

TEST_CASE("A key-signing key signs the keys only", "[dnssec]") {
    Signed server({{LDNS_SIGN_ECDSAP256SHA256, 257}, {LDNS_SIGN_ECDSAP256SHA256, 256}});
    const auto tag = [&](size_t i) {
        return fmt::format(" {} example.org.", ldns_calc_keytag(server.keys[i].get()));
    };
    auto& keys = server.get("example.org", rr::kDnskey);
    CHECK(server.good(keys, LDNS_SECTION_ANSWER) == 1);
    CHECK(has(keys.answer, tag(0)));
    auto& data = server.get("mail.example.org", rr::kA);
    CHECK(server.good(data, LDNS_SECTION_ANSWER) == 1);
    CHECK(has(data.answer, tag(1)));
}

TEST_CASE("Signatures are kept, and not more than the capacity", "[dnssec]") {
    const TemporaryDirectory directory;
    write_zone_key(directory.path() / "K", "example.org.");
    const auto key = SigningKey::load(directory.path() / "K.private");
    REQUIRE(key);
    Signatures signatures(32);
    const auto zone = dns::Name::parse("example.org").value();
    const auto made = [&](uint32_t ttl, uint32_t now) {
        const uint8_t address[] = {192, 0, 2, 1};
        const RecordRef record{.owner = zone.wire(), .type = rr::kA, .ttl = ttl, .rdata = address};
        return signatures.of(std::span(&record, 1), zone, *key, now);
    };
    constexpr uint32_t kNow = 1'800'000'000;
    const auto first = made(60, kNow);
    CHECK_FALSE(first.kept);
    CHECK(made(60, kNow + 60).kept);
    CHECK(made(60, kNow + 60).rdata == first.rdata);
    CHECK_FALSE(made(60, kNow + 86'400).kept);
    for (uint32_t ttl = 0; ttl < 500; ttl++) made(ttl, kNow);
    CHECK(signatures.size() <= 32);
}

TEST_CASE("Signatures made and found are counted by server", "[dnssec]") {
    Signed server;
    server.get("mail.example.org", rr::kA);
    server.get("mail.example.org", rr::kA);
    const auto metrics = server.bench.runner.active()->config->metrics->text();
    const std::string label = "{server=\"dns://:53\"";
    for (const auto* name : {"hits_total", "misses_total", "entries"}) {
        INFO(name);
        CHECK(metrics.find(fmt::format("\ncoredns_dnssec_cache_{}{}", name, label)) !=
              std::string::npos);
    }
}

TEST_CASE("An answer of others that needs very many signatures is refused", "[dnssec]") {
    const TemporaryDirectory directory;
    write_zone_key(directory.path() / "K", "example.org.");
    ResolverBench bench;
    size_t sets = 0;
    ScriptedDns upstream(bench.loop, [&](const Asked& asked) {
        std::vector<std::string> records;
        for (size_t i = 0; i < sets; i++) {
            records.push_back(fmt::format("a0.example.org. 60 IN TYPE{} \\# 1 00", 1000 + i));
        }
        records.emplace_back("a0.example.org. 60 IN A 192.0.2.1");
        return std::vector<Message>{reply_to(asked.wire, dns::flag::kQr, records)};
    });
    bench.open(fmt::format(
        "example.org {{\n dnssec {{\n key file {}\n }}\n forward . {} {{\n force_tcp\n }}\n}}\n",
        directory.file("K"), upstream.at().str()));
    const auto get = [&](size_t count) -> Answered& {
        sets = count;
        auto query = query_for("a0.example.org", rr::kA, 7, true);
        query[query.size() - 4] = 0x80;  // DO
        return bench.get(query, Proto::tcp);
    };
    CHECK(get(90).rcode == "NOERROR");
    auto& refused = get(100);
    CHECK(refused.rcode == "SERVFAIL");
    CHECK_THAT(refused.error, Catch::Contains("more than 100 signatures"));
}

TEST_CASE("What is wrong with keys is said", "[dnssec]") {
    const TemporaryDirectory directory;
    const auto at = [&](const char* name) { return (directory.path() / name).string(); };
    write_zone_key(at("K1"), "example.org.");
    write_zone_key(at("K2"), "example.org.");
    std::filesystem::copy(at("K1.key"), at("K3.key"));
    std::filesystem::copy(at("K2.private"), at("K3.private"));
    std::filesystem::copy(at("K1.key"), at("K4.key"));
    std::ofstream(at("K5.key")) << "example.org. IN A 192.0.2.1\n";
    const auto says = [](const std::string& zone, const std::string& line) {
        return refusal(zone + " {\n dnssec {\n" + line + "\n }\n whoami\n}\n");
    };
    CHECK(says("example.org", "key file " + at("K1") + " " + at("K2.key")) == "");
    CHECK(says("sub.example.org", "key file " + at("K1")) == "");
    CHECK_THAT(says("example.com", "key file " + at("K1")),
               Catch::Contains("can not sign any of the zones"));
    CHECK_THAT(says("example.org", "key file " + at("K3")), Catch::Contains("is not the private"));
    CHECK_THAT(says("example.org", "key file " + at("K4")), Catch::Contains("K4.private: No such"));
    CHECK_THAT(says("example.org", "key file " + at("K5")), Catch::Contains("no DNSKEY record"));
    CHECK_THAT(says("example.org", "key dir x"), Catch::Contains("'dir' instead of 'file'"));
    CHECK_THAT(says("example.org", ""), Catch::Contains("no keys"));
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctime>
#include <fstream>

#include "common/dns/tsig.h"
#include "resolver/plugins/tsig/key_file.h"
#include "resolver/server/stream_encode.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;
using dns::TsigAlgorithm;
using dns::TsigSession;

namespace {

const char* const kSecret64 = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==";

uint64_t now() {
    return static_cast<uint64_t>(std::time(nullptr));
}

dns::TsigKey key_of(TsigAlgorithm algorithm, char letter = 'k') {
    return {dns::Name::parse("Key.example").value(), algorithm,
            std::vector<uint8_t>(40, static_cast<uint8_t>(letter))};
}

std::string block(const std::string& more = "") {
    return fmt::format("example.org {{\n tsig {{\n secret key.example. {}\n {}\n }}\n whoami\n}}\n",
                       kSecret64, more);
}

/// The TSIG error of an answer; -1 if it is not signed.
int tsig_error(const Message& answer) {
    const auto found = dns::find_tsig(answer);
    REQUIRE(found);
    return *found ? (*found)->error : -1;
}

}  // namespace

TEST_CASE("A signed query gets a signed answer, by every algorithm", "[tsig]") {
    ResolverBench bench;
    bench.open(block());
    for (const auto algorithm : {TsigAlgorithm::sha1, TsigAlgorithm::sha224, TsigAlgorithm::sha256,
                                 TsigAlgorithm::sha384, TsigAlgorithm::sha512}) {
        TsigSession session(key_of(algorithm));
        const auto query = session.sign(query_for("www.example.org", dns::rr::kA, 7), now());
        auto& answer = bench.get(query);
        CHECK(answer.rcode == "NOERROR");
        const auto fine = session.verify(answer.message, now());
        CHECK((fine ? "" : fine.error().text) == "");
        CHECK(session.settled());
    }
    CHECK(tsig_error(bench.get("www.example.org", dns::rr::kA).message) == -1);
}

TEST_CASE("Failures are signed, too", "[tsig]") {
    ResolverBench bench;
    bench.open(
        fmt::format("example.org {{\n tsig {{\n secret key.example {}\n }}\n hosts /dev/null"
                    "\n}}\n",
                    kSecret64));
    TsigSession session(key_of(TsigAlgorithm::sha256));
    auto& answer = bench.get(session.sign(query_for("www.example.org", dns::rr::kA, 7), now()));
    CHECK(answer.rcode == "SERVFAIL");
    CHECK(session.verify(answer.message, now()));
}

TEST_CASE("Another key, a wrong secret and a wrong time are told apart", "[tsig]") {
    ResolverBench bench;
    bench.open(block());
    const auto query = query_for("www.example.org", dns::rr::kA, 7);
    auto stranger = key_of(TsigAlgorithm::sha256);
    stranger.name = dns::Name::parse("other.example").value();
    auto& unknown = bench.get(TsigSession(stranger).sign(query, now()));
    CHECK(unknown.rcode == "NOTAUTH");
    CHECK(unknown.answer.empty());
    CHECK(tsig_error(unknown.message) == dns::tsig_error::kBadKey);
    CHECK(unknown.error.find("other.example.") != std::string::npos);

    auto& wrong = bench.get(TsigSession(key_of(TsigAlgorithm::sha256, 'x')).sign(query, now()));
    CHECK(wrong.rcode == "NOTAUTH");
    CHECK(tsig_error(wrong.message) == dns::tsig_error::kBadSig);

    TsigSession session(key_of(TsigAlgorithm::sha256));
    auto& late = bench.get(session.sign(query, now() - 1000));
    CHECK(late.rcode == "NOTAUTH");
    CHECK(tsig_error(late.message) == dns::tsig_error::kBadTime);
    const auto record = dns::find_tsig(late.message).value().value();
    CHECK(record.other.size() == 6);
    CHECK_FALSE(record.mac.empty());
}

TEST_CASE("A query that claims an error gets no signature for it", "[tsig]") {
    ResolverBench bench;
    bench.open(block());
    auto query = TsigSession(key_of(TsigAlgorithm::sha256, 'x'))
                     .sign(query_for("www.example.org", dns::rr::kA, 7), now());
    query[query.size() - 3] = dns::tsig_error::kBadTime;  // in front of the size of other data
    const auto record = dns::find_tsig(bench.get(query).message).value().value();
    CHECK(record.error == dns::tsig_error::kBadSig);
    CHECK(record.mac.empty());
}

TEST_CASE("CVE-2026-33190: what must be signed is refused without, on every transport",
          "[tsig][advisory]") {
    ResolverBench bench;
    bench.open(block("require A TXT"));
    CHECK(bench.get("www.example.org", dns::rr::kA).rcode == "REFUSED");
    CHECK(bench.get("www.example.org", dns::rr::kAaaa).rcode == "NOERROR");
    for (const auto proto : {Proto::udp, Proto::tcp, Proto::tls, Proto::https}) {
        CHECK(bench.get(query_for("www.example.org", dns::rr::kA, 9), proto).rcode == "REFUSED");
        auto forged = TsigSession(key_of(TsigAlgorithm::sha256, 'x'))
                          .sign(query_for("www.example.org", dns::rr::kA, 9), now());
        CHECK(bench.get(forged, proto).rcode == "NOTAUTH");
    }
    ResolverBench all;
    all.open(block("require all"));
    CHECK(all.get("www.example.org", dns::rr::kAaaa).rcode == "REFUSED");
    auto notify = query_for("example.org", dns::rr::kSoa, 5);
    notify[2] = static_cast<uint8_t>(dns::opcode::kNotify << 3);
    CHECK(all.get(notify).rcode == "NOTIMP");  // nothing in the block takes it
}

TEST_CASE("Operations that must be signed are refused without, whatever the type", "[tsig]") {
    ResolverBench bench;
    const auto primary = nobody();
    bench.client = primary.ip;
    const auto with = [&](const std::string& line) {
        bench.open(
            fmt::format("example.org {{\n tsig {{\n secret key.example {}\n {}\n }}\n "
                        "secondary {{\n transfer from {}\n }}\n}}\n",
                        kSecret64, line, primary.str()));
    };
    auto notify = query_for("example.org", dns::rr::kSoa, 5);
    notify[2] = static_cast<uint8_t>(dns::opcode::kNotify << 3);
    const auto soa = query_for("example.org", dns::rr::kSoa, 6);
    with("require_opcode NOTIFY");
    CHECK(bench.get(notify).rcode == "REFUSED");
    CHECK(bench.get(soa).rcode == "SERVFAIL");  // not transferred, but not refused
    TsigSession session(key_of(TsigAlgorithm::sha256));
    auto& good = bench.get(session.sign(notify, now()));
    CHECK(good.rcode == "NOERROR");
    CHECK(session.verify(good.message, now()));
    with("require_opcode QUERY");
    CHECK(bench.get(notify).rcode == "NOERROR");
    CHECK(bench.get(soa).rcode == "REFUSED");
    with("require_opcode all\n require_opcode none");
    CHECK(bench.get(notify).rcode == "NOERROR");
}

TEST_CASE("An answer has room for its signature", "[tsig]") {
    ResolverBench bench;
    std::string hosts;
    for (int i = 1; i < 60; i++) hosts += fmt::format(" 192.0.2.{} www.example.org\n", i);
    bench.open(
        fmt::format("example.org {{\n tsig {{\n secret key.example {}\n }}\n hosts {{\n{} }}"
                    "\n}}\n",
                    kSecret64, hosts));
    size_t largest = 0;
    bench.seen = [&](Query& q) { largest = q.most_bytes(); };
    TsigSession session(key_of(TsigAlgorithm::sha512));
    auto& answer =
        bench.get(session.sign(query_for("www.example.org", dns::rr::kA, 7, false), now()));
    CHECK(answer.header.has(dns::flag::kTc));
    CHECK(largest <= 512);
    CHECK(answer.message.size() <= 512);
    CHECK(session.verify(answer.message, now()));
}

TEST_CASE("Key files are BIND's", "[tsig]") {
    const auto keys = parse_key_file(
        "// a comment\nkey \"a.example.\" {\n\talgorithm hmac-sha256;\n\tsecret \"a2tr\"; };\n"
        "# another\nkey b.example { /* and\none */ secret a2trazM=; algorithm HMAC-SHA512; };");
    REQUIRE(keys);
    REQUIRE(keys->size() == 2);
    CHECK((*keys)[0].name.str() == "a.example.");
    CHECK((*keys)[0].secret == std::vector<uint8_t>{'k', 'k', 'k'});
    CHECK((*keys)[1].secret.size() == 5);
    CHECK((*keys)[0].algorithm == TsigAlgorithm::sha256);
    CHECK((*keys)[1].algorithm == TsigAlgorithm::sha512);
    struct Bad {
        const char* text;
        const char* says;
    };
    const Bad bad[] = {
        {"zone x;", "line 1: 'zone' instead of 'key'"},
        {"key a {\nsecret !!; };", "line 2: key \"a\": it does not hold one line of base64"},
        {"key a {\n};", "line 2: key \"a\" has no secret"},
        {"key a { secret a2tr }", "line 1: '}' instead of ';'"},
        {"key a { secret a2tr;", "line 1: the end of the file inside key \"a\""},
        {"key a { algorithm hmac-md5; };", "line 1: key \"a\": algorithm 'hmac-md5' is not known"},
        {"key a..b { };", "line 1: key name \"a..b\""},
        {"key a { port 5; };", "'port' in key \"a\""},
    };
    for (const auto& one : bad) {
        const auto parsed = parse_key_file(one.text);
        CHECK_FALSE(parsed);
        if (!parsed) CHECK_THAT(parsed.error().text, Catch::Contains(one.says));
    }
}

TEST_CASE("What is wrong with tsig's options is said", "[tsig]") {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() / "keys") << "key a { secret a2tr; };";
    ResolverBench bench;
    bench.open(fmt::format(". {{\n tsig {{\n secrets {}/keys\n }}\n whoami\n}}\n",
                           directory.path().string()));
    const auto says = [](const std::string& lines) {
        return refusal(". {\n tsig {\n" + lines + "\n }\n whoami\n}\n");
    };
    CHECK_THAT(says(""), Catch::Contains("no keys; write 'secret NAME KEY'"));
    CHECK_THAT(says("secret a"), Catch::Contains("Wrong argument count"));
    CHECK_THAT(says("secret a !"), Catch::Contains("secret of a: it does not hold one line"));
    CHECK_THAT(says("secret a a2tr\nsecret A. a2tr"), Catch::Contains("key A. is defined twice"));
    CHECK_THAT(says("secrets /nowhere"), Catch::Contains("/nowhere cannot be read"));
    CHECK_THAT(says("secret a a2tr\nrequire WHAT"), Catch::Contains("unknown query type 'WHAT'"));
    CHECK_THAT(says("secret a a2tr\nrequire"), Catch::Contains("Wrong argument count"));
    CHECK_THAT(says("secret a a2tr\nrequire_opcode AXFR"),
               Catch::Contains("unknown operation 'AXFR'"));
}

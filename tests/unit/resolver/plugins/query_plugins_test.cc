// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins of one file each: acl, any, erratic, header, local, minimal.
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;
using test::refusal;
using test::ResolverBench;

namespace {

const std::string kRecord =
    " template IN ANY {\n  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n"
    "  authority \"test. 60 IN NS ns.test.\"\n"
    "  additional \"ns.test. 60 IN A 192.0.2.2\"\n }\n";

}  // namespace

TEST_CASE("acl: the first line that matches decides", "[acl]") {
    ResolverBench bench;  // its client is 192.0.2.200
    bench.open(
        ". {\n acl ok.test {\n  allow\n }\n acl test {\n"
        "  block type TXT net 192.0.2.0/24\n  filter type AAAA\n  block net 198.51.100.1\n"
        "  allow type * net *\n  block\n }\n" +
        kRecord + "}\n");
    const auto& blocked = bench.get("a.test", dns::rr::kTxt);
    CHECK(blocked.rcode == "REFUSED");
    CHECK(blocked.info_code == dns::ede::kBlocked);
    const auto& filtered = bench.get("a.test", dns::rr::kAaaa);
    CHECK(filtered.rcode == "NOERROR");
    CHECK(filtered.answer.empty());
    CHECK(filtered.info_code == dns::ede::kFiltered);
    CHECK(bench.get("a.test", dns::rr::kA).answer.size() == 1);
    CHECK(bench.get("other", dns::rr::kTxt).answer.size() == 1);
    CHECK(bench.get("ok.test", dns::rr::kTxt).answer.size() == 1);
}

TEST_CASE("acl and rrl judge questions of other classes and NOTIFY, too", "[acl][rrl]") {
    ResolverBench bench;
    test::ScriptedDns upstream(bench.loop, [](const test::Asked& asked) {
        return std::vector<test::Message>{test::reply_to(asked.wire, 0, {})};
    });
    const auto rest = fmt::format(
        " secondary example.org {{\n transfer from {}\n }}\n forward . {}\n chaos\n}}\n",
        upstream.at().str(), upstream.at().str());
    const auto question = [](uint16_t klass, uint8_t opcode) {
        auto query = test::query_for("example.org", dns::rr::kSoa, 7);
        query[2] = static_cast<uint8_t>(opcode << 3);
        query.back() = static_cast<uint8_t>(klass);
        return query;
    };
    const auto asked = [&](uint16_t klass) {
        return std::ranges::count_if(upstream.asked(),
                                     [&](const auto& one) { return one.question.klass == klass; });
    };
    bench.open(". {\n acl {\n allow net 198.51.100.0/24\n block\n }\n" + rest);
    const auto ch = question(dns::klass::kCh, dns::opcode::kQuery);
    CHECK(bench.get(ch).info_code == -1);  // no EDNS, so no more than the rcode
    CHECK(bench.get(ch).rcode == "REFUSED");
    CHECK(bench.get(question(dns::klass::kIn, dns::opcode::kNotify)).rcode == "REFUSED");
    CHECK(asked(dns::klass::kCh) == 0);
    bench.client = *net::Ip::parse("198.51.100.1");
    CHECK(bench.get(ch).rcode == "NOERROR");
    CHECK(asked(dns::klass::kCh) == 1);
    bench.runner.clock([] { return std::chrono::steady_clock::time_point(std::chrono::hours(1)); });
    bench.open(". {\n rrl {\n rate 1\n burst 1\n }\n" + rest);
    CHECK_FALSE(bench.get(ch).header.has(dns::flag::kTc));
    CHECK(bench.get(ch).header.has(dns::flag::kTc));
}

TEST_CASE("acl: what it refuses to read", "[acl]") {
    const auto of = [](const std::string& line) {
        return refusal(". {\n acl {\n  " + line + "\n }\n whoami\n}\n");
    };
    CHECK_THAT(of("deny"), Contains("unexpected token \"deny\""));
    CHECK_THAT(of("block typ A"), Contains("unexpected token \"typ\""));
    CHECK_THAT(of("block type any"), Contains("expect legal QTYPE"));
    CHECK_THAT(of("block type"), Contains("no types given"));
    CHECK_THAT(of("block net 192.0.2.0/33"), Contains("illegal CIDR"));
    CHECK_THAT(of("block net ::1 net ::2"), Contains("'net' twice"));
}

TEST_CASE("any: one HINFO record", "[any]") {
    ResolverBench bench;
    bench.open(". {\n any\n" + kRecord + "}\n");
    CHECK(bench.get("A.test", dns::rr::kAny).answer ==
          Lines{"A.test. 8482 IN HINFO \"ANY obsoleted\" \"See RFC 8482\""});
    CHECK(bench.get("a.test", dns::rr::kA).answer.size() == 1);
}

TEST_CASE("minimal: positive answers only", "[minimal]") {
    ResolverBench bench;
    bench.open(
        ". {\n minimal\n" + kRecord +
        "}\nreferral.test {\n minimal\n template IN ANY {\n"
        "  authority \"referral.test. 60 IN NS ns.referral.test.\"\n"
        "  additional \"ns.referral.test. 60 IN A 192.0.2.2\"\n }\n}\n"
        "none.test {\n minimal\n template IN ANY {\n  rcode NXDOMAIN\n"
        "  authority \"none.test. 60 IN SOA ns.none.test. hm.none.test. 1 1 1 1 1\"\n }\n}\n");
    const auto& positive = bench.get("a.test", dns::rr::kA);
    CHECK(positive.answer.size() == 1);
    CHECK(positive.authority.empty());
    CHECK(positive.additional.empty());
    const auto& referral = bench.get("a.referral.test", dns::rr::kA);
    CHECK(referral.authority.size() == 1);
    CHECK(referral.additional.size() == 1);
    CHECK(bench.get("a.none.test", dns::rr::kA).authority.size() == 1);
}

TEST_CASE("header: flags of replies and queries", "[header]") {
    ResolverBench bench;
    bench.open(". {\n header {\n  response set ra\n  response clear aa\n  query clear rd\n }\n" +
               kRecord + "}\n");
    const auto& answer = bench.get("a.test", dns::rr::kA);
    CHECK(answer.header.has(dns::flag::kRa));
    CHECK_FALSE(answer.header.has(dns::flag::kAa));
    CHECK_FALSE(answer.header.has(dns::flag::kRd));
    ResolverBench old;  // a rule without selector
    old.open(". {\n header {\n  set ra\n  clear aa\n }\n" + kRecord + "}\n");
    CHECK(old.get("a.test", dns::rr::kA).header.has(dns::flag::kRa));
    CHECK_FALSE(old.get("a.test", dns::rr::kA).header.has(dns::flag::kAa));
    CHECK(old.runner.active()->config->warnings.size() == 2);
    const auto of = [](const std::string& line) {
        return refusal(". {\n header {\n  " + line + "\n }\n whoami\n}\n");
    };
    CHECK_THAT(of("reply set ra"), Contains("invalid selector=reply"));
    CHECK_THAT(of("query put ra"), Contains("invalid action=put"));
    CHECK_THAT(of("response set tc"), Contains("unknown flag 'tc'"));
    CHECK_THAT(of("response set"), Contains("Wrong argument count"));
    CHECK_THAT(refusal(". {\n header\n whoami\n}\n"), Contains("no rules"));
}

TEST_CASE("local: what no other server is asked", "[local]") {
    ResolverBench bench;
    bench.open(". {\n local\n whoami\n}\n");
    CHECK(bench.get("localhost", dns::rr::kA).answer == Lines{"localhost. 604800 IN A 127.0.0.1"});
    CHECK(bench.get("localhost", dns::rr::kAny).answer.size() == 2);
    CHECK(bench.get("localhost.b.test", dns::rr::kAaaa).answer ==
          Lines{"localhost.b.test. 604800 IN AAAA ::1"});
    CHECK(bench.get("x.localhost", dns::rr::kA).rcode == "NXDOMAIN");
    CHECK(bench.get("1.0.0.127.in-addr.arpa", dns::rr::kPtr).answer ==
          Lines{"1.0.0.127.in-addr.arpa. 604800 IN PTR localhost."});
    CHECK(bench.get("0.127.in-addr.arpa", dns::rr::kNs).rcode == "NOERROR");
    CHECK(bench.get("1.127.in-addr.arpa", dns::rr::kNs).rcode == "NXDOMAIN");
    CHECK(bench.get("255.in-addr.arpa", dns::rr::kSoa).answer.size() == 1);
    CHECK(bench.get("notlocalhost.test", dns::rr::kA).additional.size() == 2);
}

TEST_CASE("erratic: every so many queries get no answer", "[erratic]") {
    ResolverBench bench;
    bench.open(". {\n erratic {\n  drop 3\n }\n}\n");
    std::string fate;
    bench.seen = [&](resolver::Query& q) {
        fate += q.outcome() == resolver::Query::Outcome::dropped ? '-' : '+';
    };
    for (int i = 0; i < 6; i++) bench.get("a.test", dns::rr::kA);
    CHECK(fate == "-++-++");
}

TEST_CASE("erratic: late and truncated answers", "[erratic]") {
    ResolverBench bench;
    bench.open(". {\n erratic {\n  drop 0\n  delay 1 1ms\n  truncate 1\n  large\n }\n}\n");
    const auto& first = bench.get("a.test", dns::rr::kA);
    CHECK(first.header.has(dns::flag::kTc));
    const auto& second = bench.get("a.test", dns::rr::kAaaa, true);
    CHECK_FALSE(second.header.has(dns::flag::kTc));
    CHECK(second.answer.size() == 30);
    CHECK(bench.get("a.test", dns::rr::kTxt).rcode == "SERVFAIL");
    const auto& held = bench.ask("a.test", dns::rr::kA);
    CHECK_FALSE(held.done);
    bench.close();
    CHECK(held.rcode == "SERVFAIL");
    CHECK_THAT(refusal(". {\n erratic {\n  drop x\n }\n}\n"), Contains("illegal amount"));
    CHECK_THAT(refusal(". {\n erratic {\n  delay 1 50\n }\n}\n"), Contains("missing unit"));
}

TEST_CASE("CoreDNS #8289, #8290: acl stands before cache and autopath, wherever it is written",
          "[acl][advisory]") {
    ResolverBench bench;
    bench.open(
        ". {\n cache\n hosts {\n 192.0.2.1 www.example.org\n }\n"
        " acl {\n block net 192.0.2.66\n }\n}\n");
    CHECK(bench.get("www.example.org", dns::rr::kA).rcode == "NOERROR");
    CHECK(bench.get("www.example.org", dns::rr::kA).rcode == "NOERROR");
    bench.client = *net::Ip::parse("192.0.2.66");
    auto& blocked = bench.get("www.example.org", dns::rr::kA);
    CHECK(blocked.rcode == "REFUSED");
    CHECK(blocked.answer.empty());
    const auto place = [](std::string_view name) {
        return resolver::find_plugin(name) - &resolver::plugin_order()[0];
    };
    for (const auto* behind : {"tsig", "cache", "autopath", "forward", "ipref"}) {
        CHECK(place("acl") < place(behind));
    }
}

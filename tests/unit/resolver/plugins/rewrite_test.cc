// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/rewrite/matcher.h"
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;
using rewrite::Match;
using rewrite::Replacement;

namespace {

std::string replaced(Match match, const char* from, const char* to, const char* name) {
    const auto made = Replacement::make(match, from, to);
    if (!made) return "!" + made.error().text;
    return (*made)(name).value_or("-");
}

/// Answers with the name that it was asked for, as owner and as data.
const std::string kEcho =
    " template IN MX {\n  answer \"{{ .Name }} 600 IN MX 10 mail.{{ .Name }}\"\n"
    "  additional \"mail.{{ .Name }} 600 IN A 192.0.2.1\"\n }\n";

Lines mx(const std::string& rules, const char* name) {
    test::ResolverBench bench;
    bench.open(". {\n" + rules + kEcho + "}\n");
    auto& answered = bench.get(name, dns::rr::kMx);
    CHECK(answered.question == std::string(name) + ".");
    Lines out = answered.answer;
    out.insert(out.end(), answered.additional.begin(), answered.additional.end());
    return out;
}

}  // namespace

TEST_CASE("Names that are matched and replaced", "[rewrite]") {
    CHECK(replaced(Match::exact, "A.test", "b.test", "a.test.") == "b.test.");
    CHECK(replaced(Match::exact, "a.test", "b.test", "x.a.test.") == "-");
    CHECK(replaced(Match::prefix, "pre-", "", "pre-a.test.") == "a.test.");
    CHECK(replaced(Match::suffix, ".lan", ".home.arpa", "a.lan.") == "a.home.arpa.");
    CHECK(replaced(Match::suffix, ".lan", ".home.arpa", "lan.") == "-");
    CHECK(replaced(Match::substring, "b.c", "x", "a.b.c.d.") == "a.x.d.");
    CHECK(replaced(Match::regex, "^(.*)[.](.*)[.]test[.]$", "{2}.{1}.{0}", "a.b.test.") ==
          "b.a.a.b.test.");
    CHECK_THAT(replaced(Match::regex, "(.*)", "{2}", "a."), Contains("more subexpressions"));
    CHECK_THAT(replaced(Match::regex, "(", "", "a."), Contains("invalid regex pattern"));
    CHECK_THAT(replaced(Match::exact, "a..b", "c", "a."), Contains("is no name"));
}

TEST_CASE("Exact rules turn the answer back", "[rewrite]") {
    CHECK(mx(" rewrite name old.test new.test\n", "OLD.test") ==
          Lines{"OLD.test. 600 IN MX 10 mail.OLD.test.", "mail.OLD.test. 600 IN A 192.0.2.1"});
}

TEST_CASE("Other rules do as they are told", "[rewrite]") {
    CHECK(mx(" rewrite name suffix .old .new\n", "a.old")[0] == "a.new. 600 IN MX 10 mail.a.new.");
    CHECK(mx(" rewrite name suffix .old .new answer auto\n", "a.old")[0] ==
          "a.old. 600 IN MX 10 mail.a.old.");
    CHECK(mx(" rewrite name prefix a. b. answer auto\n", "a.t")[0] ==
          "a.t. 600 IN MX 10 mail.a.t.");
    CHECK(mx(" rewrite {\n  name regex (.*)[.]old[.] {1}.new\n  answer name (.*)[.]new[.] {1}.x\n"
             "  answer value (.*)[.]new[.] {1}.y\n }\n",
             "a.old") == Lines{"a.x. 600 IN MX 10 mail.a.y.", "mail.a.x. 600 IN A 192.0.2.1"});
}

TEST_CASE("Rules go on or stop, and are turned back in reverse", "[rewrite]") {
    const std::string two = "name a.test b.test\n rewrite name b.test c.test\n";
    CHECK(mx(" rewrite continue " + two, "a.test")[0] == "a.test. 600 IN MX 10 mail.a.test.");
    CHECK(mx(" rewrite " + two + " rewrite name substring zz yy\n", "a.test").size() == 2);
    test::ResolverBench bench;
    bench.open(". {\n rewrite stop " + two +
               " template IN A c.test {\n"
               "  answer \"{{ .Name }} 1 IN A 192.0.2.1\"\n }\n}\n");
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "SERVFAIL");
    CHECK(bench.get("b.test", dns::rr::kA).answer == Lines{"b.test. 1 IN A 192.0.2.1"});
}

TEST_CASE("TTLs, rcodes, types and classes", "[rewrite]") {
    const auto ttl = [](const std::string& rule) {
        return mx(" rewrite ttl suffix test " + rule + "\n", "a.test")[0];
    };
    CHECK_THAT(ttl("30"), Contains(" 30 IN MX"));
    CHECK_THAT(ttl("30-60"), Contains(" 60 IN MX"));
    CHECK_THAT(ttl("1000-"), Contains(" 1000 IN MX"));
    CHECK_THAT(ttl("-5"), Contains(" 5 IN MX"));
    CHECK_THAT(ttl("-1000"), Contains(" 600 IN MX"));
    test::ResolverBench bench;
    bench.open(
        ". {\n rewrite continue rcode regex .* NXDOMAIN 5\n rewrite continue type TXT MX\n"
        " rewrite continue class CH IN\n template IN A {\n  rcode NXDOMAIN\n }\n" +
        kEcho + "}\n");
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "REFUSED");
    CHECK(bench.get("a.test", dns::rr::kTxt).answer.size() == 1);
    auto query = test::query_for("a.test", dns::rr::kMx, 999, false);
    query.back() = dns::klass::kCh;
    CHECK(bench.get(query).answer.size() == 1);
}

TEST_CASE("A CNAME gets another target, which is looked up", "[rewrite]") {
    test::ResolverBench bench;
    bench.open(
        ". {\n rewrite cname suffix .cdn .own\n template IN ANY a.test {\n"
        "  answer \"{{ .Name }} 60 IN CNAME x.cdn.\"\n  rcode NXDOMAIN\n }\n"
        " template IN A own {\n  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n }\n}\n");
    const auto& answered = bench.get("a.test", dns::rr::kA);
    CHECK(answered.rcode == "NOERROR");
    CHECK(answered.answer == Lines{"a.test. 60 IN CNAME x.own.", "x.own. 60 IN A 192.0.2.1"});
    CHECK(bench.get("a.test", dns::rr::kCname).answer == Lines{"a.test. 60 IN CNAME x.own."});
}

TEST_CASE("Options that are added never come back to the client", "[rewrite]") {
    test::ResolverBench bench;
    bench.open(
        ". {\n rewrite continue edns0 local set 0xffee {qname}\n"
        " rewrite continue edns0 subnet set 24 56 revert\n"
        " rewrite continue edns0 nsid append\n" +
        kEcho + "}\n");
    CHECK_FALSE(bench.get("a.test", dns::rr::kMx, false).edns);
    CHECK(bench.get("a.test", dns::rr::kMx, true).edns);
}

TEST_CASE("Options that are added reach the upstream", "[rewrite]") {
    // What the client sends: 65001 "old", and the options that the upstream then gets.
    const std::vector<std::pair<std::string, Lines>> cases = {
        {"local set 65002 text", {"65001 6f6c64", "65002 74657874"}},
        {"local set 0xfde9 0x0102", {"65001 0102"}},
        {"local append 65001 new", {"65001 6f6c64", "65001 6e6577"}},
        {"local replace 65001 new", {"65001 6e6577"}},
        {"local replace 65002 new", {"65001 6f6c64"}},
        {"local set 65002 {qname}", {"65001 6f6c64", "65002 612e746573742e"}},
        {"local set 65002 {qtype}", {"65001 6f6c64", "65002 0001"}},
        {"local set 65002 {client_ip}", {"65001 6f6c64", "65002 c00002c8"}},
        {"local set 65002 {client_port}", {"65001 6f6c64", "65002 1388"}},
        {"local set 65002 {protocol}", {"65001 6f6c64", "65002 756470"}},
        {"nsid set", {"3 ", "65001 6f6c64"}},
        {"nsid replace", {"65001 6f6c64"}},
        {"subnet set 24 56", {"65001 6f6c64", "8 00011800c00002"}},
    };
    test::ResolverBench bench;
    Lines got;
    test::ScriptedDns upstream(bench.loop, [&](const test::Asked& asked) {
        dns::MessageReader reader(asked.wire);
        const auto edns = dns::Edns::from(*reader.record());
        wire::Reader options(edns.options);
        while (options.left() > 0) {
            const auto code = options.u16();
            std::string line = fmt::format("{} ", code);
            for (const auto byte : options.take(options.u16())) line += fmt::format("{:02x}", byte);
            got.push_back(std::move(line));
        }
        return std::vector<test::Message>{test::reply_to(asked.wire, 0, {})};
    });
    std::vector<uint8_t> own;
    dns::append_option(own, 65001, std::vector<uint8_t>{'o', 'l', 'd'});
    for (const auto& [rule, options] : cases) {
        INFO(rule);
        bench.open(". {\n rewrite edns0 " + rule + "\n forward . " + upstream.at().str() + "\n}\n");
        test::Message space(512);
        dns::MessageWriter writer(space);
        writer.question({*Name::parse("a.test"), dns::rr::kA, dns::klass::kIn});
        writer.edns({.options = own});
        const auto query = writer.finish(7, dns::flag::kRd);
        got.clear();
        CHECK(bench.get({query.begin(), query.end()}).rcode == "NOERROR");
        std::sort(got.begin(), got.end());
        auto wanted = options;
        std::sort(wanted.begin(), wanted.end());
        CHECK(got == wanted);
    }
}

TEST_CASE("Rules that are refused", "[rewrite]") {
    const auto of = [](const std::string& rule) {
        return test::refusal(". {\n rewrite " + rule + "\n whoami\n}\n");
    };
    CHECK_THAT(of("qname a b"), Contains("invalid rule type \"qname\""));
    CHECK_THAT(of("continue"), Contains("a field is expected"));
    CHECK_THAT(of("type A"), Contains("exactly two arguments"));
    CHECK_THAT(of("type NOPE A"), Contains("invalid type \"NOPE\""));
    CHECK_THAT(of("class IN NOPE"), Contains("invalid class \"NOPE\""));
    CHECK_THAT(of("name a"), Contains("too few arguments"));
    CHECK_THAT(of("name a b answr auto"), Contains("\"answr\" in a name rule"));
    CHECK_THAT(of("name a b answer name x"), Contains("without FROM and TO"));
    CHECK_THAT(of("ttl a 5-1"), Contains("invalid ttl"));
    CHECK_THAT(of("ttl a -"), Contains("invalid ttl"));
    CHECK_THAT(of("rcode a NOPE NOERROR"), Contains("invalid rcode \"NOPE\""));
    CHECK_THAT(of("edns0 local set 70000 x"), Contains("invalid option code"));
    CHECK_THAT(of("edns0 local set 1 0x123"), Contains("odd number"));
    CHECK_THAT(of("edns0 local set 1 {nope}"), Contains("unsupported variable"));
    CHECK_THAT(of("edns0 local put 1 x"), Contains("invalid action"));
    CHECK_THAT(of("edns0 subnet set 33 56"), Contains("invalid IPv4 bit mask length 33"));
    CHECK_THAT(of("edns0 nsid set x"), Contains("can not have operands"));
}

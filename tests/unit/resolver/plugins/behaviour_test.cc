// SPDX-License-Identifier: GPL-2.0-or-later
// What Corefiles of CoreDNS rely on without saying so, a row each: defaults, which block and which
// plugin answers, and the messages for what is wrong. Source: spec page "ipref-coredns", 2.2 to 2.4
// and 4; rows that are recorded from CoreDNS are in tests/vectors.
#include <fstream>

#include "resolver/plugins/forward/exchange.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;
using Catch::Matchers::Contains;

namespace {

/// Answers everything with an address, TTL and all.
std::string answers(const std::string& address, const std::string& ttl = "60") {
    return " template IN A {\n  answer \"{{ .Name }} " + ttl + " IN A " + address + "\"\n }\n";
}

const std::string kDenies =
    " template IN A {\n  rcode NXDOMAIN\n"
    "  authority \"test. 90000 IN SOA ns.test. hm.test. 1 1 1 1 90000\"\n }\n";

/// The rcode, and the data of the first answer if there is one.
std::string brief(const Answered& got) {
    const auto& lines = got.answer;
    return lines.empty() ? got.rcode : got.rcode + lines[0].substr(lines[0].rfind(' '));
}

}  // namespace

TEST_CASE("Which plugin answers, whatever the order in the Corefile", "[behaviour]") {
    struct Row {
        const char* what;
        std::string corefile;
        const char* name;
        std::string told;
    };
    const std::string hosts = " hosts /nonexistent {\n  192.0.2.1 nas.home.lan\n }\n";
    const Row rows[] = {
        {"a miss does not try the parent zone's block",
         "home.lan {\n" + hosts + "}\n. {\n" + answers("192.0.2.9") + "}\n", "tv.home.lan",
         "SERVFAIL"},
        {"a block that names no plugin", "home.lan {\n}\n. {\n whoami\n}\n", "home.lan", "REFUSED"},
        {"a name of no block", "home.lan {\n whoami\n}\n", "home.arpa", "REFUSED"},
        {"nobody answers in the block", "home.lan {\n errors\n}\n", "home.lan", "SERVFAIL"},
        {"template before hosts, though written behind",
         ". {\n hosts /nonexistent {\n  192.0.2.1 a.test\n }\n" + answers("192.0.2.9") + "}\n",
         "a.test", "NOERROR 192.0.2.9"},
        {"the first template that fits",
         ". {\n" + answers("192.0.2.1") + answers("192.0.2.2") + "}\n", "a.test",
         "NOERROR 192.0.2.1"},
        {"fallthrough for these zones only",
         ". {\n hosts /nonexistent {\n  192.0.2.1 a.test\n  fallthrough b.test\n }\n whoami\n}\n",
         "c.test", "SERVFAIL"},
        {"fallthrough without zones: all",
         ". {\n hosts /nonexistent {\n  192.0.2.1 a.test\n  fallthrough\n }\n whoami\n}\n",
         "c.test", "NOERROR"},
        {"a zone of several keys", "a.test b.test, c.test {\n" + answers("192.0.2.1") + "}\n",
         "x.c.test", "NOERROR 192.0.2.1"},
        {"a network as key", "192.0.2.0/24 {\n template IN A {\n rcode NXDOMAIN\n }\n}\n",
         "1.2.0.192.in-addr.arpa", "NXDOMAIN"},
        {"acl before cache", ". {\n cache\n acl {\n  block\n }\n" + answers("192.0.2.1") + "}\n",
         "a.test", "REFUSED"},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        ResolverBench bench;
        bench.open(row.corefile);
        CHECK(brief(bench.get(row.name, dns::rr::kA)) == row.told);
    }
}

namespace {

/// Each lets the answers of those behind it be what they are.
const std::vector<std::string> kObservers = {
    "errors",
    "log other.test",
    "cache",
    "cache {\n serve_stale\n prefetch 1\n }",
    "loadbalance",
    "minimal",
    "header {\n response set ra\n }",
    "bufsize",
    "nsid x",
    "prometheus localhost:0",
    "cancel",
    "metadata",
    "any",
    "local",
    "dns64",
    "cookie",
    "rrl",
    "acl {\n allow net 192.0.2.0/24\n }",
    "rewrite continue name exact a.test a.test",
    "rewrite ttl regex .* 60-60",
    "view v {\n expr true\n }",
    "dnstap /nonexistent/tap",
    "debug",
    "loop",
};

/// Two of them that may stand in one block, and a number for the pair.
void for_pairs(const std::function<void(const std::string&, size_t)>& look) {
    const auto word = [](const std::string& line) { return line.substr(0, line.find(' ')); };
    size_t number = 0;
    for (size_t i = 0; i < kObservers.size(); i++) {
        for (size_t k = i + 1; k < kObservers.size(); k++) {
            if (word(kObservers[i]) == word(kObservers[k]) && word(kObservers[i]) == "cache")
                continue;
            look(kObservers[i] + "\n " + kObservers[k], number++);
        }
    }
}

}  // namespace

TEST_CASE("Any two plugins that let answers be, let them be together", "[behaviour]") {
    const std::vector<std::string> sources = {
        "template IN A {\n answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n"
        " answer \"{{ .Name }} 60 IN A 192.0.2.2\"\n }",
        "hosts /nonexistent {\n 192.0.2.1 a.test\n 192.0.2.2 a.test\n ttl 60\n }",
    };
    const std::vector<std::string> expected = {"a.test. 60 IN A 192.0.2.1",
                                               "a.test. 60 IN A 192.0.2.2"};
    for_pairs([&](const std::string& pair, size_t number) {
        const auto& source = sources[number % sources.size()];
        INFO(pair << "\n" << source);
        ResolverBench bench;
        bench.open(". {\n " + pair + "\n " + source + "\n}\n");
        for (const bool edns : {false, true, true}) {
            auto answer = bench.get("a.test", dns::rr::kA, edns).answer;
            std::sort(answer.begin(), answer.end());
            CHECK(answer == expected);
        }
    });
}

TEST_CASE("Nor do they change denials, aliases and answers that are cut", "[behaviour]") {
    const TemporaryDirectory directory;
    {
        std::ofstream zone(directory.file("db"));
        zone << "$TTL 60\n@ 60 SOA ns hm 1 2 3 4 60\n@ NS ns\nns A 192.0.2.9\na A 192.0.2.1\n"
                "c CNAME a\nfar CNAME x.other.\nsub NS ns.sub\nns.sub A 192.0.2.8\n";
        for (int i = 0; i < 40; i++) zone << "big A 198.51.100." << i << "\n";
    }
    struct Row {
        const char* name;
        uint16_t type;
        Proto proto;
        const char* told;  // rcode, records of answer and authority, and of additional
    };
    const Row rows[] = {
        {"none.test", dns::rr::kA, Proto::udp, "NXDOMAIN 0 1 0"},
        {"a.test", dns::rr::kMx, Proto::udp, "NOERROR 0 1 0"},
        {"c.test", dns::rr::kA, Proto::udp, "NOERROR 2 1 0"},
        {"far.test", dns::rr::kA, Proto::udp, "NOERROR 2 1 0"},
        {"x.sub.test", dns::rr::kA, Proto::udp, "NOERROR 0 1 1"},
        {"big.test", dns::rr::kA, Proto::tcp, "NOERROR 40 1 0"},
    };
    for_pairs([&](const std::string& pair, size_t) {
        const bool minimal = pair.find("minimal") != std::string::npos;
        ResolverBench bench;
        bench.open("test {\n " + pair + "\n file " + directory.file("db") +
                   "\n}\nother {\n hosts /nonexistent {\n 192.0.2.7 x.other\n }\n}\n");
        for (int round = 0; round < 2; round++) {
            for (const auto& row : rows) {
                INFO(pair << "\n" << row.name << " " << round);
                const auto& got = bench.get(query_for(row.name, row.type, 99), row.proto);
                const bool bare = minimal && !got.answer.empty();
                CHECK(fmt::format("{} {} {} {}", got.rcode, got.answer.size(),
                                  bare ? 1 : got.authority.size(),
                                  got.additional.size()) == row.told);
            }
            const auto& cut = bench.get(query_for("big.test", dns::rr::kA, 98));
            INFO(pair << " " << round);
            CHECK(cut.header.has(dns::flag::kTc));
            CHECK(cut.message.size() <= 512);
        }
    });
}

TEST_CASE("Defaults that are there without being named", "[behaviour]") {
    const auto ttl = [](const std::string& corefile) {
        ResolverBench bench;
        bench.open(corefile);
        bench.get("a.test", dns::rr::kA);
        const auto& again = bench.get("a.test", dns::rr::kA);
        const auto& line = again.answer.empty() ? again.authority.at(0) : again.answer.at(0);
        return line.substr(0, line.find(" IN")).substr(line.find(' ') + 1);
    };
    CHECK(ttl(". {\n cache\n" + answers("192.0.2.1", "90000") + "}\n") == "3600");
    CHECK(ttl(". {\n cache\n" + answers("192.0.2.1", "1") + "}\n") == "5");
    CHECK(ttl(". {\n cache\n" + kDenies + "}\n") == "1800");
    CHECK(ttl(". {\n cache 60\n" + answers("192.0.2.1", "90000") + "}\n") == "60");
    CHECK(ttl(". {\n cache 60\n" + kDenies + "}\n") == "60");
    CHECK(ttl(". {\n hosts /nonexistent {\n  192.0.2.1 a.test\n }\n}\n") == "3600");

    const forward::ExchangesOptions exchanges;
    CHECK(exchanges.deadline == run::Milliseconds(5000));
    CHECK(exchanges.read_timeout == run::Milliseconds(2000));
    CHECK(exchanges.upstreams.expire == run::Milliseconds(10'000));
    CHECK(exchanges.upstreams.max_fails == 2);
    CHECK(exchanges.upstreams.health_check == run::Milliseconds(500));
    CHECK(exchanges.upstreams.policy == forward::Policy::random);
    const StreamTimes times;
    CHECK(times.read == run::Milliseconds(3000));
    CHECK(times.write == run::Milliseconds(5000));
    CHECK(times.idle == run::Milliseconds(10'000));

    const auto config = load_config(". {\n whoami\n prometheus\n health\n ready\n}\n", {});
    REQUIRE(config);
    std::vector<std::string> pages;
    for (const auto& page : (*config)->process.pages) {
        pages.push_back(fmt::format("{} {} {}", page.plugin, page.at.port, page.path));
    }
    std::sort(pages.begin(), pages.end());
    CHECK(pages == std::vector<std::string>{"health 8080 /health", "prometheus 9153 /metrics",
                                            "ready 8181 /ready"});
}

TEST_CASE("Messages for a bad Corefile: what CoreDNS says, with the column", "[behaviour]") {
    struct Row {
        const char* corefile;
        const char* says;
    };
    const Row rows[] = {
        {". {\n log\n ipreff\n}\n",
         "Corefile:3:2 - Error during parsing: Unknown directive 'ipreff'"},
        {". {\n log\n ipref{\n }\n}\n",
         "Corefile:3:2 - Error during parsing: Unknown directive 'ipref{'"},
        {". {\n ipref {\n }\n}\n", "plugin/ipref: Corefile:3:2 - missing upstream"},
        {". {\n ipref {\n  upstream 192.0.2.1\n  gw-ipver 5\n }\n}\n",
         "plugin/ipref: Corefile:4:12 - Error during parsing: "},
        {". {\n ipref {\n  upstream 192.0.2.1\n  mapper a b\n }\n}\n",
         "plugin/ipref: Corefile:4:12 - Error during parsing: Wrong argument count or unexpected "
         "line ending after 'b'"},
        {". {\n ipref {\n  upstream 192.0.2.1\n }\n ipref {\n  upstream 192.0.2.1\n }\n}\n",
         "this plugin can only be used once per Server Block"},
        {". {\n forward . 192.0.2.1 {\n  max_fails 3\n",
         "Corefile:3:13 - Error during parsing: Unexpected EOF"},
        {".:15310 {\n whoami\n}\n.:15310 {\n whoami\n}\n",
         "cannot serve dns://.:15310 - it is already defined"},
        {". {\n forward . not-an-ip\n}\n", "not an IP address or file: \"not-an-ip\""},
        {". {\n log\n forward . 192.0.2.1 {\n  bogus\n }\n}\n",
         "plugin/forward: Corefile:4:3 - Error during parsing: unknown property 'bogus'"},
        {". {\n cache abc\n whoami\n}\n", "\"abc\" is no TTL"},
        {". {\n whoami\n", "expecting '}'"},
        {". {\n whoami\n}\n}\n", "Unexpected token '}'"},
    };
    for (const auto& row : rows) {
        INFO(row.corefile);
        CHECK_THAT(refusal(row.corefile), Contains(row.says));
    }
    const TemporaryDirectory directory;
    std::ofstream(directory.file("db.x"))
        << "$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\na   A  192.0.2.256\n";
    CHECK_THAT(refusal("x {\n file " + directory.file("db.x") + "\n}\n"),
               Contains("plugin/file: failed to parse file \"" + directory.file("db.x") +
                        "\" for origin x. with error ") &&
                   Contains("at line: 4:8"));
    // Not there yet: looked for again.
    const auto later = load_config("x {\n file " + directory.file("db.later") + "\n}\n", {});
    REQUIRE(later);
    CHECK((*later)->warnings.size() == 1);
}

TEST_CASE("Corefiles as they are found in homes and small sites load", "[behaviour]") {
    const TemporaryDirectory directory;
    std::ofstream(directory.file("db.lan"))
        << "@ 60 SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
    const auto file = "file " + directory.file("db.lan");
    const std::string good[] = {
        "{$ZONE_THAT_IS_NOT_SET}.:1053 {\n whoami\n}\n",
        "a.lan, b.lan,\nc.lan {\n " + file + "\n}\n",
        "32/27.104.21.172.in-addr.arpa {\n " + file + "\n}\n",
        ". { }\n",
        ". {\n log stdout\n errors stdout\n whoami\n}\n",
        "lan {\n " + file + " {\n  upstream 192.0.2.1\n  upstream\n }\n}\n",
        ". {\n template IN A {\n  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n  upstream\n }\n}\n",
        ". {\n forward lan 127.0.0.1:5301\n forward . 127.0.0.1:5302\n}\n"
        ".:5301 {\n forward . 192.0.2.1\n}\n.:5302 {\n forward . 192.0.2.2\n}\n",
        "lan {\n " + file + " {\n  fallthrough\n  reload 0\n  reload_by_mtime\n }\n whoami\n}\n",
    };
    for (const auto& corefile : good) {
        INFO(corefile);
        CHECK(refusal(corefile).empty());
    }
}

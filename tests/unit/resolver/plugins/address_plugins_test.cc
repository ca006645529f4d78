// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins that change which addresses clients get: loadbalance, dns64, autopath.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "resolver/plugins/dns64/embed.h"
#include "resolver/plugins/loadbalance/weights.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;
using test::refusal;
using test::ResolverBench;

namespace {

net::Ip ip(const char* text) {
    return *net::Ip::parse(text);
}

const std::string kThree =
    " template IN A {\n  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n"
    "  answer \"{{ .Name }} 60 IN A 192.0.2.2\"\n  answer \"{{ .Name }} 60 IN A 192.0.2.3\"\n }\n";

}  // namespace

TEST_CASE("loadbalance: all addresses, in all orders, behind the alias", "[loadbalance]") {
    ResolverBench bench;
    bench.open(
        ". {\n loadbalance\n template IN A {\n  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n"
        "  answer \"{{ .Name }} 60 IN A 192.0.2.2\"\n"
        "  answer \"{{ .Name }} 60 IN A 192.0.2.3\"\n }\n"
        " template IN MX {\n  answer \"{{ .Name }} 60 IN CNAME a.\"\n"
        "  answer \"a. 60 IN MX 1 b.\"\n  answer \"a. 60 IN MX 1 c.\"\n }\n}\n");
    std::set<Lines> orders;
    for (int i = 0; i < 1000 && orders.size() < 6; i++) {
        auto answer = bench.get("a.test", dns::rr::kA).answer;
        orders.insert(answer);
        std::sort(answer.begin(), answer.end());
        CHECK(answer == Lines{"a.test. 60 IN A 192.0.2.1", "a.test. 60 IN A 192.0.2.2",
                              "a.test. 60 IN A 192.0.2.3"});
    }
    CHECK(orders.size() == 6);
    CHECK_THAT(bench.get("a.test", dns::rr::kMx).answer.at(0), Contains("CNAME"));
}

TEST_CASE("loadbalance: the first address is drawn by weight", "[loadbalance]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("weights");
    std::ofstream(path) << "a.test\n192.0.2.1 250\n192.0.2.2 1\n";
    ResolverBench bench;
    bench.open(". {\n loadbalance weighted " + path +
               "\n template IN A {\n"
               "  answer \"{{ .Name }} 60 IN A 192.0.2.2\"\n"
               "  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n }\n}\n");
    std::map<std::string, int> first;
    for (int i = 0; i < 500; i++) first[bench.get("A.test", dns::rr::kA).answer.at(0)]++;
    CHECK(first["A.test. 60 IN A 192.0.2.1"] > 400);
}

TEST_CASE("loadbalance: a file of weights that changes is read again", "[loadbalance]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("weights");
    const auto write = [&](const std::string& text) {
        std::ofstream(path + ".new") << text;
        std::filesystem::rename(path + ".new", path);
    };
    write("a.test\n192.0.2.1 1\n192.0.2.2 255\n");
    ResolverBench bench;
    bench.open(". {\n loadbalance weighted " + path + " {\n  reload 20ms\n }\n" + kThree + "}\n");
    // Drawn once in 257 by the first weights, in 2.4 by the others.
    const auto often = [&](const char* address) {
        int count = 0;
        for (int i = 0; i < 100; i++) {
            const auto first = bench.get("a.test", dns::rr::kA).answer.at(0);
            if (first.ends_with(address)) count++;
        }
        return count > 20;
    };
    CHECK(often(".2"));
    write("a.test\n192.0.2.1 255\n192.0.2.2 1\n192.0.2.3 100\n");
    test::run_until(bench.loop, [&] { return often(".1"); });
    test::run_until(bench.loop, [&] { return often(".3"); });
}

TEST_CASE("loadbalance: files of weights", "[loadbalance]") {
    const auto good = Weights::parse("# c\nA.test # d\n 192.0.2.1\t7\r\n::1 255\nb.test\n", "w");
    REQUIRE(good);
    const auto name = *dns::Name::parse("a.test");
    CHECK(good->of(name, ip("192.0.2.1")) == 7);
    CHECK(good->of(name, ip("::1")) == 255);
    CHECK(good->of(name, ip("192.0.2.2")) == 1);
    CHECK(good->of(*dns::Name::parse("b.test"), ip("::1")) == 1);
    const auto bad = [](const char* text) {
        const auto read = Weights::parse(text, "w");
        return read ? "" : read.error().text;
    };
    CHECK_THAT(bad("192.0.2.1 1"), Contains("w:1: an address before"));
    CHECK_THAT(bad("a.test\nx 1"), Contains("w:2: wrong IP address"));
    CHECK_THAT(bad("a.test\n::1 0"), Contains("wrong weight: \"0\""));
    CHECK_THAT(bad("a.test\n::1 256"), Contains("wrong weight"));
    CHECK_THAT(bad("a.test\n::1 1 1"), Contains("is expected"));
    CHECK_THAT(bad("a..b"), Contains("wrong domain name"));
    CHECK_THAT(refusal(". {\n loadbalance fair\n}\n"), Contains("unknown policy: fair"));
    CHECK_THAT(refusal(". {\n loadbalance weighted /nonexistent\n}\n"), Contains("/nonexistent"));
}

TEST_CASE("dns64: addresses inside addresses, as RFC 6052 lists them", "[dns64]") {
    const auto in = [](const char* prefix) {
        return embed(*net::Cidr::parse(prefix), ip("192.0.2.33")).str();
    };
    CHECK(in("2001:db8::/32") == "2001:db8:c000:221::");
    CHECK(in("2001:db8:100::/40") == "2001:db8:1c0:2:21::");
    CHECK(in("2001:db8:122::/48") == "2001:db8:122:c000:2:2100::");
    CHECK(in("2001:db8:122:300::/56") == "2001:db8:122:3c0:0:221::");
    CHECK(in("2001:db8:122:344::/64") == "2001:db8:122:344:c0:2:2100:0");
    CHECK(in("2001:db8:122:344::/96") == "2001:db8:122:344::c000:221");
    CHECK_FALSE(can_embed(*net::Cidr::parse("2001:db8::/33")));
    CHECK_FALSE(can_embed(*net::Cidr::parse("2001:db8:0:0:ff00::/96")));
    CHECK_FALSE(can_embed(*net::Cidr::parse("192.0.2.0/24")));
}

TEST_CASE("dns64: answers", "[dns64]") {
    ResolverBench bench;  // its client is an IPv4 one
    const std::string plugins =
        kThree +
        " template IN AAAA own {\n  answer \"{{ .Name }} 60 IN AAAA 2001:db8::1\"\n }\n"
        " template IN AAAA none {\n  rcode NXDOMAIN\n }\n"
        " template IN AAAA {\n  authority \". 30 IN SOA a. b. 1 1 1 1 1\"\n }\n";
    bench.open(". {\n dns64 {\n  allow_ipv4\n }\n" + plugins + "}\n4 {\n dns64\n" + plugins +
               "}\nall {\n dns64 2001:db8::/32 {\n  allow_ipv4\n  translate_all\n }\n" + plugins +
               "}\n");
    CHECK(bench.get("a", dns::rr::kAaaa).answer == Lines{"a. 30 IN AAAA 64:ff9b::c000:201",
                                                         "a. 30 IN AAAA 64:ff9b::c000:202",
                                                         "a. 30 IN AAAA 64:ff9b::c000:203"});
    CHECK(bench.get("own", dns::rr::kAaaa).answer == Lines{"own. 60 IN AAAA 2001:db8::1"});
    CHECK(bench.get("none", dns::rr::kAaaa).rcode == "NXDOMAIN");
    CHECK(bench.get("a.4", dns::rr::kAaaa).answer.empty());
    CHECK_THAT(bench.get("a.all", dns::rr::kAaaa).answer.at(0), Contains("2001:db8:c000:201::"));
    ResolverBench other;
    other.open(". {\n dns64 {\n  prefix 2001:db8:122:344::/96\n  allow_ipv4\n }\n" + kThree +
               " template IN AAAA {\n }\n}\n");
    CHECK_THAT(other.get("a", dns::rr::kAaaa).answer.at(0), Contains("2001:db8:122:344::c000:201"));
    CHECK_THAT(refusal(". {\n dns64 64:ff9b::/97\n}\n"), Contains("invalid prefix"));
    CHECK_THAT(refusal(". {\n dns64 {\n  prefer_ipv4\n }\n}\n"), Contains("unknown property"));
}

TEST_CASE("autopath: the search list is walked for the client", "[autopath]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("resolv.conf");
    std::ofstream(path) << "nameserver 192.0.2.1\nsearch one.test two.test\n";
    ResolverBench bench;
    const auto host = [](const std::string& name, const std::string& ip) {
        return " template IN A " + name + " {\n  answer \"{{ .Name }} 3600 IN A " + ip + "\"\n }\n";
    };
    bench.open(". {\n autopath " + path + "\n" + host("own.one.test", "192.0.2.1") +
               host("next.two.test", "192.0.2.2") + host("last.example", "192.0.2.3") +
               " template ANY ANY {\n  rcode NXDOMAIN\n }\n}\n");
    CHECK(bench.get("own.one.test", dns::rr::kA).answer ==
          Lines{"own.one.test. 3600 IN A 192.0.2.1"});
    const auto& next = bench.get("next.one.test", dns::rr::kA);
    CHECK(next.rcode == "NOERROR");
    CHECK(next.answer == Lines{"next.one.test. 3600 IN CNAME next.two.test.",
                               "next.two.test. 3600 IN A 192.0.2.2"});
    CHECK(bench.get("last.example.one.test", dns::rr::kA).answer ==
          Lines{"last.example.one.test. 3600 IN CNAME last.example.",
                "last.example. 3600 IN A 192.0.2.3"});
    CHECK(bench.get("none.one.test", dns::rr::kA).rcode == "NXDOMAIN");
    CHECK(bench.get("next.three.test", dns::rr::kA).rcode == "NXDOMAIN");
    CHECK_THAT(refusal(". {\n autopath @forward\n}\n"), Contains("does not implement"));
    CHECK_THAT(refusal(". {\n autopath /nonexistent\n}\n"), Contains("/nonexistent"));
}

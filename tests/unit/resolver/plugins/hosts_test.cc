// SPDX-License-Identifier: GPL-2.0-or-later
#include <fstream>

#include "resolver/plugins/hosts/table.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

Name name(const char* text) {
    return Name::parse(text)->lower();
}

std::vector<std::string> v4(const HostsTable& table, const char* text) {
    std::vector<std::string> out;
    const auto* found = table.find(name(text));
    if (found == nullptr) return {"unknown"};
    for (const auto& ip : found->v4) out.push_back(ip.str());
    return out;
}

using Lines = std::vector<std::string>;

void write(const std::filesystem::path& path, const std::string& text) {
    // As editors do: a reader sees the old file or the new one.
    const auto fresh = path.string() + ".new";
    std::ofstream(fresh) << text;
    std::filesystem::rename(fresh, path);
}

}  // namespace

TEST_CASE("A hosts file as a table", "[hosts]") {
    HostsTable table;
    table.add(
        "192.0.2.1 a.test A2.test # comment\r\n"
        "\t2001:db8::1   a.test\n"
        "# 192.0.2.9 no.test\n"
        "192.0.2.300 no.test\n"
        "fe80::1%lo0 link.test\n"
        "192.0.2.1 a.test\n"
        "192.0.2.2 a.test",
        true);
    CHECK(v4(table, "a.test") == Lines{"192.0.2.1", "192.0.2.2"});
    CHECK(v4(table, "a2.test") == Lines{"192.0.2.1"});
    CHECK(v4(table, "no.test") == Lines{"unknown"});
    CHECK(v4(table, "link.test").empty());
    CHECK(table.find(name("a.test"))->v6.size() == 1);
    CHECK(table.names(*net::Ip::parse("192.0.2.1")).size() == 2);
    CHECK(table.names(*net::Ip::parse("192.0.2.7")).empty());
}

TEST_CASE("A wildcard of a hosts file covers names that do not exist", "[hosts]") {
    HostsTable table;
    table.add("192.0.2.2 x.sub.apps.test\n192.0.2.1 *.apps.test\n192.0.2.3 own.apps.test", true);
    CHECK(v4(table, "any.apps.test") == Lines{"192.0.2.1"});
    CHECK(v4(table, "deep.er.apps.test") == Lines{"192.0.2.1"});
    CHECK(v4(table, "own.apps.test") == Lines{"192.0.2.3"});
    CHECK(v4(table, "apps.test") == Lines{"unknown"});
    CHECK(v4(table, "below.own.apps.test") == Lines{"unknown"});
    CHECK(v4(table, "sub.apps.test") == Lines{"unknown"});
    CHECK(v4(table, "y.sub.apps.test") == Lines{"unknown"});
    CHECK(v4(table, "test") == Lines{"unknown"});
    CHECK(table.names(*net::Ip::parse("192.0.2.1")).empty());
}

TEST_CASE("Reverse names stand for addresses", "[hosts]") {
    const auto ip = [](const char* text) {
        const auto found = address_of_reverse(name(text));
        return found ? found->str() : "none";
    };
    CHECK(ip("4.3.2.1.in-addr.arpa") == "1.2.3.4");
    CHECK(ip("3.2.1.in-addr.arpa") == "none");
    CHECK(ip("5.4.3.2.1.in-addr.arpa") == "none");
    CHECK(ip("256.3.2.1.in-addr.arpa") == "none");
    CHECK(ip("x.3.2.1.in-addr.arpa") == "none");
    std::string nibbles;
    for (int i = 0; i < 31; i++) nibbles += i == 0 ? "F." : "0.";
    CHECK(ip((nibbles + "2.ip6.arpa").c_str()) == "2000::f");
    CHECK(ip((nibbles + "g.ip6.arpa").c_str()) == "none");
}

TEST_CASE("Answers of plugin hosts", "[hosts]") {
    test::ResolverBench bench;
    bench.open(
        ". {\n hosts /nonexistent test in-addr.arpa {\n  192.0.2.1 a.test b.test\n"
        "  ttl 60\n  fallthrough x.test\n }\n whoami\n}\n");
    CHECK(bench.get("A.test", dns::rr::kA).answer == Lines{"A.test. 60 IN A 192.0.2.1"});
    const auto& none = bench.get("a.test", dns::rr::kAaaa);
    CHECK(none.rcode == "NOERROR");
    CHECK(none.answer.empty());
    CHECK(none.additional.empty());  // not whoami's
    CHECK(bench.get("c.test", dns::rr::kA).rcode == "SERVFAIL");
    CHECK(bench.get("c.x.test", dns::rr::kA).additional.size() == 2);
    CHECK(bench.get("1.2.0.192.in-addr.arpa", dns::rr::kPtr).answer ==
          Lines{"1.2.0.192.in-addr.arpa. 60 IN PTR a.test.",
                "1.2.0.192.in-addr.arpa. 60 IN PTR b.test."});
    CHECK(bench.get("2.2.0.192.in-addr.arpa", dns::rr::kPtr).additional.size() == 2);
    CHECK(bench.get("other", dns::rr::kA).additional.size() == 2);
}

TEST_CASE("A wildcard of a hosts file is answered with the name that was asked for", "[hosts]") {
    test::ResolverBench bench;
    bench.open(
        ". {\n hosts /nonexistent {\n  192.0.2.1 *.apps.test\n  2001:db8::3 own.apps.test\n"
        "  fallthrough\n }\n whoami\n}\n");
    const auto& any = bench.get("Any.apps.test", dns::rr::kA);
    CHECK(any.answer == Lines{"Any.apps.test. 3600 IN A 192.0.2.1"});
    CHECK(any.header.has(dns::flag::kAa));
    for (const auto& [name, type] : std::vector<std::pair<const char*, uint16_t>>{
             {"any.apps.test", dns::rr::kAaaa}, {"own.apps.test", dns::rr::kA}}) {
        const auto& none = bench.get(name, type);
        CHECK(none.rcode == "NOERROR");
        CHECK(none.answer.empty());
        CHECK(none.additional.empty());
    }
    CHECK(bench.get("apps.test", dns::rr::kA).additional.size() == 2);  // whoami's
    CHECK(bench.get("1.2.0.192.in-addr.arpa", dns::rr::kPtr).additional.size() == 2);
}

TEST_CASE("Without reverse names, their questions go on", "[hosts]") {
    test::ResolverBench bench;
    bench.open(". {\n hosts /nonexistent {\n  192.0.2.1 a.test\n  no_reverse\n }\n whoami\n}\n");
    CHECK(bench.get("1.2.0.192.in-addr.arpa", dns::rr::kPtr).additional.size() == 2);
    CHECK(bench.get("a.test", dns::rr::kA).answer.size() == 1);
}

TEST_CASE("A hosts file that changes is read again", "[hosts]") {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "hosts";
    write(path, "192.0.2.1 a.test\n");
    test::ResolverBench bench;
    bench.open(". {\n hosts " + path.string() + " {\n  reload 1h\n }\n}\n");
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
    write(path, "192.0.2.2 b.test\n");
    test::run_until(bench.loop,
                    [&] { return bench.get("b.test", dns::rr::kA).rcode == "NOERROR"; });
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "SERVFAIL");
}

TEST_CASE("A hosts file of a hundred thousand lines", "[hosts]") {
    std::string text;
    for (int i = 0; i < 100'000; i++) text += fmt::format("0.0.0.0 ads{}.example.net\n", i);
    HostsTable table;
    table.add(text, false);
    CHECK(table.entries() == 100'000);
    CHECK(v4(table, "ads99999.example.net") == Lines{"0.0.0.0"});
}

TEST_CASE("Corefiles that plugin hosts refuses", "[hosts]") {
    const auto of = [](const std::string& line) {
        return test::refusal(". {\n hosts /nonexistent {\n  " + line + "\n }\n}\n");
    };
    CHECK_THAT(of("ttl 0"), Catch::Matchers::Contains("\"0\" is not a number from 1 to 65535"));
    CHECK_THAT(of("reload 5"), Catch::Matchers::Contains("missing unit"));
    CHECK_THAT(of("fallthru"), Catch::Matchers::Contains("unknown property 'fallthru'"));
    CHECK_THAT(test::refusal(". {\n hosts\n hosts\n}\n"),
               Catch::Matchers::Contains("can only be used once"));
}

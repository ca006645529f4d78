// SPDX-License-Identifier: GPL-2.0-or-later
// Questions to plugin file, with a zone on disk.
#include <fstream>

#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::test;
namespace rr = ipref::dns::rr;

namespace {

constexpr const char* kZone = R"($ORIGIN example.org.
$TTL 300
@ SOA ns hm 7 2 3 4 60
@ NS ns
@ NS ns.other.test.
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
mail AAAA 2001:db8::2
www CNAME mail
MiXeD A 192.0.2.3
far CNAME x.far.test.
near CNAME a.near.test.
*.wild A 192.0.2.4
*.wcn CNAME mail
b.ent TXT deep
cut NS ns.cut
cut NS ns
cut DS 1 13 2 abababababababababababababababababababababababababababababababab
ns.cut A 192.0.2.5
d DNAME t
a.t A 192.0.2.6
long DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.t
l1 CNAME l2
l2 CNAME l1
_s SRV 1 2 3 mail
tocut CNAME x.cut
)";

constexpr const char* kNear = "@ 60 SOA ns hm 1 2 3 4 5\na A 192.0.2.9\n";

struct Zones : ResolverBench {
    TemporaryDirectory directory;

    Zones() {
        std::ofstream(directory.file("db")) << kZone;
        std::ofstream(directory.file("near")) << kNear;
        open(fmt::format("example.org {{\n file {}\n}}\nnear.test {{\n file {}\n}}\n",
                         directory.file("db"), directory.file("near")));
    }
};

using Lines = std::vector<std::string>;
const Lines kNs = {"example.org. 300 IN NS ns.example.org.",
                   "example.org. 300 IN NS ns.other.test."};
const Lines kSoa = {"example.org. 300 IN SOA ns.example.org. hm.example.org. 7 2 3 4 60"};

struct Row {
    const char* name;
    uint16_t type;
    const char* rcode;
    Lines answer;
    Lines authority;
};

/// Asks, and compares what comes back.
void expect(const std::vector<Row>& rows) {
    Zones zones;
    for (const auto& row : rows) {
        INFO(row.name << " " << row.type);
        const auto& got = zones.get(row.name, row.type);
        CHECK(got.rcode == row.rcode);
        CHECK(got.answer == row.answer);
        CHECK(got.authority == row.authority);
        CHECK(got.header.has(dns::flag::kAa));
    }
}

}  // namespace

TEST_CASE("Names that exist, and those that do not", "[file]") {
    expect({
        {"mail.example.org", rr::kA, "NOERROR", {"mail.example.org. 300 IN A 192.0.2.2"}, kNs},
        {"mIxEd.example.org", rr::kA, "NOERROR", {"mIxEd.example.org. 300 IN A 192.0.2.3"}, kNs},
        {"mail.example.org", rr::kTxt, "NOERROR", {}, kSoa},
        {"nothing.example.org", rr::kA, "NXDOMAIN", {}, kSoa},
        {"ent.example.org", rr::kTxt, "NOERROR", {}, kSoa},
        {"x.ent.example.org", rr::kTxt, "NXDOMAIN", {}, kSoa},
    });
}

TEST_CASE("Aliases, wildcards and DNAMEs", "[file]") {
    expect({
        {"www.example.org",
         rr::kA,
         "NOERROR",
         {"www.example.org. 300 IN CNAME mail.example.org.",
          "mail.example.org. 300 IN A 192.0.2.2"},
         kNs},
        {"www.example.org",
         rr::kCname,
         "NOERROR",
         {"www.example.org. 300 IN CNAME mail.example.org."},
         kNs},
        {"www.example.org",
         rr::kTxt,
         "NOERROR",
         {"www.example.org. 300 IN CNAME mail.example.org."},
         kSoa},
        {"www.example.org",
         rr::kAny,
         "NOERROR",
         {"www.example.org. 300 IN CNAME mail.example.org."},
         kNs},
        {"q.wild.example.org", rr::kA, "NOERROR", {"q.wild.example.org. 300 IN A 192.0.2.4"}, kNs},
        {"p.q.wild.example.org",
         rr::kA,
         "NOERROR",
         {"p.q.wild.example.org. 300 IN A 192.0.2.4"},
         kNs},
        {"q.wild.example.org", rr::kTxt, "NOERROR", {}, kSoa},
        {"q.wcn.example.org",
         rr::kA,
         "NOERROR",
         {"q.wcn.example.org. 300 IN CNAME mail.example.org.",
          "mail.example.org. 300 IN A 192.0.2.2"},
         kNs},
        {"a.d.example.org",
         rr::kA,
         "NOERROR",
         {"d.example.org. 300 IN DNAME t.example.org.",
          "a.d.example.org. 300 IN CNAME a.t.example.org.", "a.t.example.org. 300 IN A 192.0.2.6"},
         kNs},
        {"d.example.org", rr::kA, "NOERROR", {}, kSoa},
        {"l1.example.org",
         rr::kA,
         "NOERROR",
         {"l1.example.org. 300 IN CNAME l2.example.org.",
          "l2.example.org. 300 IN CNAME l1.example.org."},
         kSoa},
        {"cut.example.org",
         rr::kDs,
         "NOERROR",
         {"cut.example.org. 300 IN DS 1 13 2 "
          "abababababababababababababababababababababababababababababababab"},
         kNs},
        {"near.example.org",
         rr::kA,
         "NOERROR",
         {"near.example.org. 300 IN CNAME a.near.test.", "a.near.test. 60 IN A 192.0.2.9"},
         kNs},
        {"far.example.org", rr::kA, "NOERROR", {"far.example.org. 300 IN CNAME x.far.test."}, kNs},
    });
}

TEST_CASE("Aliases that leave the zone and find nothing bring the other zone's SOA", "[file]") {
    Zones zones;
    const auto& got = zones.get("near.example.org", rr::kTxt);
    CHECK(got.answer.size() == 1);
    CHECK(got.authority == Lines{"near.test. 60 IN SOA ns.near.test. hm.near.test. 1 2 3 4 5"});
}

TEST_CASE("Referrals carry glue and no AA; a DS with DNSSEC", "[file]") {
    Zones zones;
    for (const auto* name : {"cut.example.org", "x.y.cut.example.org", "ns.cut.example.org"}) {
        INFO(name);
        const auto& got = zones.get(name, rr::kA);
        CHECK_FALSE(got.header.has(dns::flag::kAa));
        CHECK(got.answer.empty());
        CHECK(got.authority == Lines{"cut.example.org. 300 IN NS ns.cut.example.org.",
                                     "cut.example.org. 300 IN NS ns.example.org."});
        CHECK(got.additional == Lines{"ns.cut.example.org. 300 IN A 192.0.2.5",
                                      "ns.example.org. 300 IN A 192.0.2.1"});
    }
    const auto& behind = zones.get("tocut.example.org", rr::kA);
    CHECK(behind.answer.size() == 1);
    CHECK(behind.authority.size() == 2);
    CHECK(behind.header.has(dns::flag::kAa));
}

TEST_CASE("Addresses of NS, MX and SRV targets are added", "[file]") {
    Zones zones;
    CHECK(zones.get("example.org", rr::kNs).additional ==
          Lines{"ns.example.org. 300 IN A 192.0.2.1"});
    CHECK(zones.get("example.org", rr::kNs).authority.empty());
    CHECK(zones.get("example.org", rr::kMx).additional.size() == 2);
    CHECK(zones.get("_s.example.org", rr::kSrv).additional.size() == 2);
}

TEST_CASE("A DNAME whose result is too long is YXDOMAIN", "[file]") {
    Zones zones;
    const std::string label(63, 'x');
    const auto& got =
        zones.get(fmt::format("{}.{}.{}.long.example.org", label, label, label), rr::kA);
    CHECK(got.rcode == "YXDOMAIN");
}

TEST_CASE("Transfers are not plugin file's, and other zones are not its either", "[file]") {
    Zones zones;
    CHECK(zones.get("example.org", rr::kAxfr).rcode == "REFUSED");
    CHECK(zones.get("example.net", rr::kA).rcode == "REFUSED");
}

TEST_CASE("fallthrough lets the next plugin answer names that do not exist", "[file]") {
    ResolverBench bench;
    TemporaryDirectory directory;
    std::ofstream(directory.file("db")) << kZone;
    bench.open(fmt::format("example.org {{\n file {} {{\n  fallthrough\n }}\n whoami\n}}\n",
                           directory.file("db")));
    CHECK(bench.get("nothing.example.org", rr::kA).additional.size() == 2);
    CHECK(bench.get("mail.example.org", rr::kTxt).authority == kSoa);
}

TEST_CASE("A zone file that is missing is looked for again, and a new serial is taken", "[file]") {
    ResolverBench bench;
    TemporaryDirectory directory;
    const auto write = [&](int serial, const std::string& more) {
        std::ofstream(directory.file("new"))
            << fmt::format("@ 60 SOA ns hm {} 2 3 4 5\nns A 192.0.2.1\n{}", serial, more);
        std::filesystem::rename(directory.file("new"), directory.file("db"));
    };
    const auto rcode_of = [&](const char* name) { return bench.get(name, rr::kA).rcode; };
    const auto until = [&](const char* name, const std::string& rcode) {
        for (int i = 0; i < 2000 && rcode_of(name) != rcode; i++) {
            uv_run(bench.loop.raw(), UV_RUN_ONCE);
        }
        CHECK(rcode_of(name) == rcode);
    };
    bench.open(
        fmt::format("a.test {{\n file {} {{\n  reload 2ms\n }}\n}}\n", directory.file("db")));
    CHECK(rcode_of("ns.a.test") == "SERVFAIL");
    CHECK_THAT(bench.get("ns.a.test", rr::kA).error, Catch::Matchers::Contains("has no data"));
    write(1, "");
    until("ns.a.test", "NOERROR");
    CHECK(rcode_of("b.a.test") == "NXDOMAIN");
    write(2, "b A 192.0.2.2\n");
    until("b.a.test", "NOERROR");
    write(3, "b A 192.0.2.256\n");  // bad data: the old zone stays
    for (int i = 0; i < 50; i++) uv_run(bench.loop.raw(), UV_RUN_ONCE);
    CHECK(rcode_of("b.a.test") == "NOERROR");
    write(2, "c A 192.0.2.3\n");  // the same serial: not taken
    for (int i = 0; i < 50; i++) uv_run(bench.loop.raw(), UV_RUN_ONCE);
    CHECK(rcode_of("c.a.test") == "NXDOMAIN");
    write(4, "c A 192.0.2.3\n");
    until("c.a.test", "NOERROR");
}

TEST_CASE("With reload_by_mtime a changed file is taken under the same serial", "[file]") {
    ResolverBench bench;
    TemporaryDirectory directory;
    const auto write = [&](const std::string& more) {
        std::ofstream(directory.file("new")) << "@ 60 SOA ns hm 1 2 3 4 5\nns A 192.0.2.1\n" + more;
        std::filesystem::rename(directory.file("new"), directory.file("db"));
    };
    write("");
    bench.open(fmt::format("a.test {{\n file {} {{\n  reload 2ms\n  reload_by_mtime\n }}\n}}\n",
                           directory.file("db")));
    CHECK(bench.get("b.a.test", rr::kA).rcode == "NXDOMAIN");
    write("b A 192.0.2.2\n");
    run_until(bench.loop, [&] { return bench.get("b.a.test", rr::kA).rcode == "NOERROR"; });
    write("b A 192.0.2.256\n");  // bad data: the old zone stays
    for (int i = 0; i < 50; i++) uv_run(bench.loop.raw(), UV_RUN_ONCE);
    CHECK(bench.get("b.a.test", rr::kA).rcode == "NOERROR");
}

TEST_CASE("A bad or missing zone file is refused at start with file and line", "[file]") {
    TemporaryDirectory directory;
    std::ofstream(directory.file("db")) << "@ 60 SOA ns hm 1 2 3 4 5\na A x\n";
    CHECK_THAT(refusal(fmt::format("a.test {{\n file {}\n}}\n", directory.file("db"))),
               Catch::Matchers::StartsWith(fmt::format(
                   "plugin/file: failed to parse file \"{}\" for origin a.test. with error",
                   directory.file("db"))) &&
                   Catch::Matchers::EndsWith("at line: 2:5"));
    CHECK_THAT(refusal(fmt::format("a.test {{\n file {} {{\n  reload 0\n }}\n}}\n",
                                   directory.file("none"))),
               Catch::Matchers::Contains("No such file or directory"));
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/zone_text.h"

#include <map>

#include "common/dns/ldns.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

using Files = std::map<std::string, std::string>;

Result<ZoneText> read(const std::string& text, const Files& files = {},
                      const std::string& file = "db") {
    return read_zone(text, file, *Name::parse("example.org"),
                     [&](const std::string& path) -> Result<std::string> {
                         const auto found = files.find(path);
                         if (found == files.end()) return fail("{}: No such file", path);
                         return found->second;
                     });
}

std::vector<std::string> lines(const Zone& zone) {
    std::vector<std::string> out;
    for (const auto& node : zone.nodes()) {
        for (const auto& set : zone.sets(node)) {
            for (const auto& record : zone.records(set)) {
                const auto rdata = record.rdata();
                const dns::Record plain{*Name::from_wire(node.name()),
                                        set.type,
                                        dns::klass::kIn,
                                        record.ttl,
                                        {rdata.begin(), rdata.end()}};
                out.push_back(fmt::format("{} {} {} {}", plain.owner.str(), plain.ttl,
                                          dns::type_text(plain.type), dns::rdata_text(plain)));
            }
        }
    }
    return out;
}

using Lines = std::vector<std::string>;
const std::string kSoa = "@ 300 SOA ns hm 7 2 3 4 60\n";

}  // namespace

TEST_CASE("Zone files: origins, TTLs, owners left out, parentheses, comments", "[zone]") {
    const auto got = read(
        "; a zone\n$TTL 1h\n@ IN SOA ns hm (\n 7 ; serial\n 2h 3 4 5 )\n"
        "  NS ns\n  IN 60 NS ns.example.net.\nns 5 IN A 192.0.2.1\n\n"
        "$ORIGIN sub.example.org.\nwww A 192.0.2.2\n@ TXT \"semi;colon\" ( \"two\n lines\" )\n"
        "$TTL 2m\nb\\.c A 192.0.2.3\n");
    REQUIRE(got);
    CHECK(lines(*got->zone) ==
          Lines{"example.org. 3600 NS ns.example.org.", "example.org. 60 NS ns.example.net.",
                "example.org. 3600 SOA ns.example.org. hm.example.org. 7 7200 3 4 5",
                "ns.example.org. 5 A 192.0.2.1",
                "sub.example.org. 3600 TXT \"semi;colon\" \"two\\010 lines\"",
                "b\\.c.sub.example.org. 120 A 192.0.2.3", "www.sub.example.org. 3600 A 192.0.2.2"});
    CHECK(got->zone->serial() == 7);
    CHECK(got->warnings.empty());
}

TEST_CASE("A TTL that is left out is $TTL, else the last one, else the SOA's minimum", "[zone]") {
    CHECK(lines(*read("@ SOA ns hm 7 2 3 4 60\nns A 192.0.2.1\n")->zone) ==
          Lines{"example.org. 60 SOA ns.example.org. hm.example.org. 7 2 3 4 60",
                "ns.example.org. 60 A 192.0.2.1"});
    const auto none = read("ns A 192.0.2.1\n" + kSoa);
    REQUIRE_FALSE(none);
    CHECK_THAT(none.error().text, Catch::Matchers::StartsWith("db: no TTL"));
}

TEST_CASE("$INCLUDE is relative to its file, and may bring an origin", "[zone]") {
    const Files files = {{"z/hosts.inc", "a A 192.0.2.1\n$INCLUDE more sub\n"},
                         {"z/more", "b A 192.0.2.2\n"},
                         {"z/loop", "$INCLUDE loop\n"}};
    const auto got = read(kSoa + "$INCLUDE hosts.inc\nc A 192.0.2.3\n", files, "z/db");
    REQUIRE(got);
    CHECK(lines(*got->zone) ==
          Lines{"example.org. 300 SOA ns.example.org. hm.example.org. 7 2 3 4 60",
                "a.example.org. 300 A 192.0.2.1", "c.example.org. 300 A 192.0.2.3",
                "b.sub.example.org. 300 A 192.0.2.2"});
    CHECK_THAT(read("$INCLUDE loop\n", files, "z/db").error().text,
               Catch::Matchers::Contains("nested too deep"));
    CHECK(read("\n $INCLUDE none\n").error().text ==
          "db: $INCLUDE: none: No such file at line: 2:11");
}

TEST_CASE("$GENERATE", "[zone]") {
    const auto got = read(kSoa +
                          "$GENERATE 1-3/2 h$ A 192.0.2.$\n"
                          "$GENERATE 10-10 ${1,4,x}.r 9 IN PTR \\$h-$\n");
    REQUIRE(got);
    CHECK(lines(*got->zone) ==
          Lines{"example.org. 300 SOA ns.example.org. hm.example.org. 7 2 3 4 60",
                "h1.example.org. 300 A 192.0.2.1", "h3.example.org. 300 A 192.0.2.3",
                "000b.r.example.org. 9 PTR $h-10.example.org."});
    for (const auto* bad : {"$GENERATE 3-1 a A 192.0.2.1", "$GENERATE x a A 192.0.2.1",
                            "$GENERATE 0-99999999 a$ A 192.0.2.1", "$GENERATE 1-2/0 a A 192.0.2.1",
                            "$GENERATE 1-2 ${z} A 192.0.2.1", "$GENERATE 1-2 a"}) {
        INFO(bad);
        CHECK_FALSE(read(kSoa + bad + "\n"));
    }
}

TEST_CASE("What is wrong in a zone file is named with its place", "[zone]") {
    struct Bad {
        const char* text;
        const char* says;
    };
    const Bad cases[] = {
        {"a A 192.0.2.256\n", "db: bad A data: \"192.0.2.256\""},
        {"a A 192.0.2.256\n", " at line: 2:5"},
        {"a BOGUS x\n", "db: unknown type \"BOGUS\" at line: 2:3"},
        {"a 5x A 192.0.2.1\n", "db: bad TTL \"5x\" at line: 2:3"},
        {"a CH A 192.0.2.1\n", "class CH, but only IN is served at line: 2:3"},
        {"a..b A 192.0.2.1\n", "bad name \"a..b\""},
        {"a IN\n", "db: no type at line: 2:3"},
        {"a A ( 192.0.2.1\n", "db:2:5: the parenthesis that opens here is never closed"},
        {"a TXT \"open\n", "db:2:7: the quote that opens here is never closed"},
        {"a A 192.0.2.1 )\n", "db:2:15: ')' without '('"},
        {"$BOGUS 1\n", "unknown directive or missing argument: \"$BOGUS\" at line: 2:1"},
        {"$TTL soon\n", "bad TTL \"soon\" at line: 2:6"},
        {"a MX 10\n", "bad MX data"},
        {"@ SOA ns hm 8 2 3 4 60\n", "has 2 SOA records for origin example.org."},
    };
    for (const auto& bad : cases) {
        INFO(bad.text);
        const auto got = read(kSoa + bad.text);
        REQUIRE_FALSE(got);
        CHECK_THAT(got.error().text, Catch::Matchers::Contains(bad.says));
    }
    CHECK(read("").error().text == "db: has no SOA record for origin example.org.");
    CHECK_THAT(read(" A 192.0.2.1\n").error().text, Catch::Matchers::Contains("without a name"));
    CHECK_FALSE(read(kSoa + std::string("a\0b", 3)));
}

TEST_CASE("Equal records count once; those outside of the zone are kept apart", "[zone]") {
    const auto got = read(kSoa + "a A 192.0.2.1\nA A 192.0.2.1\nother.test. A 192.0.2.2\n");
    REQUIRE(got);
    CHECK(lines(*got->zone).size() == 2);
    REQUIRE(got->zone->foreign().size() == 1);
    REQUIRE(got->warnings.size() == 1);
    CHECK_THAT(got->warnings[0], Catch::Matchers::Contains("other.test."));
}

TEST_CASE("The index of a zone: names, enclosers, order, barriers", "[zone]") {
    const auto got = read(kSoa +
                          "c.b.a A 192.0.2.1\n*.a TXT x\ncut NS ns.cut\nns.cut A 192.0.2.2\n"
                          "d DNAME e\nx.d A 192.0.2.3\nZZ A 192.0.2.4\n");
    REQUIRE(got);
    const auto& zone = *got->zone;
    const auto find = [&](const char* name) {
        return zone.find(Name::parse(name)->lower().wire());
    };
    CHECK(find("example.org") == 0);
    CHECK(find("zz.example.org") == zone.nodes().size() - 1);
    CHECK(find("nothing.example.org") == kNoNode);
    REQUIRE(find("b.a.example.org") != kNoNode);
    CHECK(zone.node(find("b.a.example.org")).sets == 0);
    CHECK(zone.node(find("a.example.org")).wildcard == find("*.a.example.org"));
    CHECK(zone.encloser(Name::parse("q.r.b.a.example.org")->wire()) == find("b.a.example.org"));
    CHECK(zone.encloser(Name::parse("q.example.org")->wire()) == 0);
    CHECK(zone.node(find("cut.example.org")).barrier == find("cut.example.org"));
    CHECK(zone.node(find("ns.cut.example.org")).barrier == find("cut.example.org"));
    CHECK(zone.node(find("d.example.org")).barrier == kNoNode);
    CHECK(zone.node(find("x.d.example.org")).barrier == find("d.example.org"));
    CHECK(zone.node(0).barrier == kNoNode);
    for (uint32_t i = 1; i < zone.nodes().size(); i++) {
        CHECK(*Name::from_wire(zone.node(i - 1).name()) < *Name::from_wire(zone.node(i).name()));
    }
    CHECK(zone.at_or_before(*Name::parse("ca.example.org")) == find("c.b.a.example.org"));
    CHECK(zone.at_or_before(*Name::parse("cut.example.org")) == find("cut.example.org"));
}

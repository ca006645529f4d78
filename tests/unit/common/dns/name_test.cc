// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/name.h"

#include <compare>

#include "common/dns/types.h"
#include "unit/catch.h"

using namespace ipref::dns;

namespace {

Name name(std::string_view text) {
    return *Name::parse(text);
}

}  // namespace

TEST_CASE("names parse and print", "[dns][name]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {".", "."},
        {"example.org", "example.org."},
        {"Example.ORG.", "Example.ORG."},
        {"a\\.b.c", "a\\.b.c."},
        {"\\065\\000.x", "A\\000.x."},
        {"_sip._tcp.x", "_sip._tcp.x."},
        {"32/27.104.in-addr.arpa", "32/27.104.in-addr.arpa."},
        {"a\\ b", "a\\032b."},
        {"\\\"q\\;", "\\\"q\\;."},
    };
    for (const auto& [text, printed] : cases) {
        INFO(text);
        const auto parsed = Name::parse(text);
        REQUIRE(parsed);
        CHECK(parsed->str() == printed);
        CHECK(name(parsed->str()) == *parsed);
        const auto again = Name::from_wire(parsed->wire());
        REQUIRE(again);
        CHECK(*again == *parsed);
        CHECK(again->labels() == parsed->labels());
    }
}

TEST_CASE("bad names are refused, each with its reason", "[dns][name]") {
    const std::string label63(63, 'a');
    const std::string label64(64, 'a');
    const std::string longest =
        label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');
    CHECK(Name::parse(longest));
    CHECK(name(longest).size() == 255);
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "missing"},       {"..", "empty label"},           {"a..b", "empty label"},
        {".a", "empty label"}, {label64, "longer than 63"},     {longest + "b", "longer than 255"},
        {longest + ".", ""},   {longest + "..", "empty label"}, {longest + ".b", "longer than 255"},
        {"a\\", "bad escape"}, {"a\\25", "bad escape"},         {"a\\256", "bad escape"},
    };
    for (const auto& [text, why] : cases) {
        INFO(text);
        const auto parsed = Name::parse(text);
        if (why.empty()) {
            CHECK(parsed);
            continue;
        }
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().text.find(why) != std::string::npos);
    }
}

TEST_CASE("names from the wire are bounded", "[dns][name]") {
    const auto from = [](std::vector<uint8_t> bytes) { return Name::from_wire(bytes); };
    CHECK(from({0})->is_root());
    CHECK(from({1, 'a', 0, 9, 9})->str() == "a.");
    CHECK_FALSE(from({}));
    CHECK_FALSE(from({1}));
    CHECK_FALSE(from({1, 'a'}));
    CHECK_FALSE(from({64, 'a'}));
    CHECK_FALSE(from({0xc0, 0}));
    std::vector<uint8_t> full;
    for (int i = 0; i < 127; i++) full.insert(full.end(), {1, 'x'});
    full.push_back(0);
    REQUIRE(Name::from_wire(full));
    CHECK(Name::from_wire(full)->labels() == 127);
    full.insert(full.begin(), {1, 'x'});
    CHECK_FALSE(Name::from_wire(full));
}

TEST_CASE("names compare without case, and by labels", "[dns][name]") {
    CHECK(name("WWW.Example.org") == name("www.eXample.ORG."));
    CHECK(name("WWW.Example.org").hash() == name("www.eXample.ORG.").hash());
    CHECK(name("WWW.Example.org").lower().str() == "www.example.org.");
    CHECK(name("a.b") != name("a\\.b"));
    CHECK(name("x.example.org").is_under(name("EXAMPLE.org")));
    CHECK(name("example.org").is_under(name("example.org")));
    CHECK(name("example.org").is_under(Name()));
    CHECK_FALSE(name("org").is_under(name("example.org")));
    CHECK_FALSE(name("badexample.org").is_under(name("example.org")));
    // The bytes end like the zone's, but inside of a label.
    CHECK_FALSE(name("x\\007example.org").is_under(name("example.org")));
    CHECK(name("a.b.c").without(1) == name("b.c"));
    CHECK(name("a.b.c").without(3).is_root());
    CHECK(name("b.c").with_label(name("*").first_label())->str() == "*.b.c.");
    CHECK_FALSE(name("b.c").with_label({}));
}

TEST_CASE("the canonical order of RFC 4034", "[dns][name]") {
    const std::vector<std::string> sorted = {
        "example",   "a.example",       "yljkjljk.a.example", "Z.a.example",    "zABC.a.EXAMPLE",
        "z.example", "\\001.z.example", "*.z.example",        "\\200.z.example"};
    for (size_t i = 0; i + 1 < sorted.size(); i++) {
        INFO(sorted[i]);
        CHECK((name(sorted[i]) < name(sorted[i + 1])));
    }
    CHECK(std::is_eq(name("A.b") <=> name("a.B")));
}

TEST_CASE("types, classes and rcodes have names", "[dns][types]") {
    CHECK(type_text(rr::kTxt) == "TXT");
    CHECK(type_text(65280) == "TYPE65280");
    CHECK(parse_type("aaaa") == rr::kAaaa);
    CHECK(parse_type("type257") == 257);
    CHECK_FALSE(parse_type("TYPE"));
    CHECK_FALSE(parse_type("TYPE65536"));
    CHECK_FALSE(parse_type("TYPE1x"));
    CHECK_FALSE(parse_type(""));
    CHECK(class_text(klass::kCh) == "CH");
    CHECK(parse_class("CLASS42") == 42);
    CHECK(rcode_text(rcode::kRefused) == "REFUSED");
    CHECK(rcode_text(24) == "RCODE24");
    CHECK(parse_rcode("nxdomain") == rcode::kNxDomain);
}

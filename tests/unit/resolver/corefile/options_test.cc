// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/corefile/options.h"

#include "resolver/corefile/keys.h"
#include "resolver/corefile/lexer.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace std::chrono_literals;

namespace {

struct Words {
    std::vector<std::string> warnings;
    std::vector<Token> tokens;
    Dispenser dispenser;

    explicit Words(std::string_view text)
        : tokens(*lex(text, std::make_shared<const std::string>("f"), warnings)),
          dispenser(tokens, {std::make_shared<const std::string>("f"), 9, 9}) {}
};

struct Values {
    bool flag = false;
    uint32_t number = 7;
    Nanoseconds time = 5s;
    size_t choice = 1;
    std::vector<std::string> names;
    std::string text;

    OptionTable table() {
        OptionTable out;
        out.flag("flag", flag, "A flag.");
        out.number("number", number, 1, 10, "A number.");
        out.duration("time", time, 1s, 1h, "A time.");
        out.choice("choice", {"one", "two"}, choice, "A choice.");
        out.words("names", "NAME...", names, "Names.");
        out.text("text", "PATH", text, "A path.");
        out.ignored("upstream", "Nothing.");
        return out;
    }
    /// The error of a block, or "".
    std::string read(std::string_view text_of_block) {
        Words words(text_of_block);
        words.dispenser.next();
        const auto options = table();
        const auto done = options.read_block(words.dispenser);
        return done ? "" : done.error().text;
    }
};

std::vector<std::string> keys(const std::string& text) {
    std::vector<std::string> out;
    const auto parsed =
        parse_key({.text = text, .at = {std::make_shared<const std::string>("f"), 1, 2}}, 53);
    if (!parsed) return {parsed.error().text};
    for (const auto& key : *parsed) out.push_back(key.str());
    return out;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("Durations as Go writes them", "[corefile]") {
    CHECK(parse_duration("0") == Nanoseconds(0));
    CHECK(parse_duration("1m30s") == Nanoseconds(90s));
    CHECK(parse_duration("0.5s") == Nanoseconds(500ms));
    CHECK(parse_duration("-2h") == Nanoseconds(-2h));
    CHECK(parse_duration("3\u00b5s") == Nanoseconds(3us));
    for (const auto* bad : {"", "10", "s", "1x", "1s2", "1.2.3s", "-", "99999999999h"}) {
        INFO(bad);
        CHECK_FALSE(parse_duration(bad));
    }
    CHECK(parse_duration("30").error().text == "missing unit in duration \"30\", as in 30s");
    for (const auto* text : {"0s", "1m30s", "500ms", "1.5s", "1h0m0s", "7ns", "12\u00b5s"}) {
        CHECK(duration_text(*parse_duration(text)) == text);
    }
}

TEST_CASE("A table of options reads a block", "[corefile]") {
    Values values;
    CHECK(values
              .read("x {\n flag\n number 3\n time 2m\n choice one\n names a b\n names c\n"
                    " upstream 1 2 3\n text /p\n}\n")
              .empty());
    CHECK(values.flag);
    CHECK(values.number == 3);
    CHECK(values.time == 2min);
    CHECK(values.choice == 0);
    CHECK(values.names == List{"a", "b", "c"});
    CHECK(values.text == "/p");
    CHECK(values.read("x").empty());
    CHECK(values.read("x { }").empty());
    const auto table = values.table();
    for (const auto& row : table.rows()) CHECK_FALSE(row.help.empty());
}

TEST_CASE("Bad options name the thing and its place", "[corefile]") {
    struct Bad {
        const char* text;
        const char* says;
    };
    const Bad cases[] = {
        {"x {\n nubmer 1\n}",
         "f:2:2 - Error during parsing: unknown property 'nubmer', is it 'number'?"},
        {"x {\n bogus\n}", "f:2:2 - Error during parsing: unknown property 'bogus'"},
        {"x {\n number 11\n}", "f:2:9 - Error during parsing: \"11\" is not a number from 1 to 10"},
        {"x {\n number -1\n}", "f:2:9 - Error during parsing: \"-1\" is not a number from 1 to 10"},
        {"x {\n number\n}",
         "f:2:2 - Error during parsing: Wrong argument count or unexpected line ending after "
         "'number'"},
        {"x {\n flag on\n}",
         "f:2:7 - Error during parsing: Wrong argument count or unexpected line ending after 'on'"},
        {"x {\n time 2h\n}", "f:2:7 - Error during parsing: \"2h\" is not between 1s and 1h0m0s"},
        {"x {\n choice three\n}", "f:2:9 - Error during parsing: \"three\" is not one of one|two"},
        {"x {\n flag", "f:9:9 - Error during parsing: Unexpected EOF"},
    };
    for (const auto& bad : cases) {
        INFO(bad.text);
        Values values;
        CHECK(values.read(bad.text) == bad.says);
    }
}

TEST_CASE("Keys of server blocks", "[corefile]") {
    CHECK(keys("Example.ORG") == List{"example.org.:53"});
    CHECK(keys("example.org:5300") == List{"example.org.:5300"});
    CHECK(keys("dns://a.test") == List{"a.test.:53"});
    CHECK(keys("tls://.") == List{"tls://.:853"});
    CHECK(keys("quic://.") == List{"quic://.:853"});
    CHECK(keys("grpc://.") == List{"grpc://.:443"});
    CHECK(keys("https://.") == List{"https://.:443"});
    CHECK(keys("https://a.test:444") == List{"https://a.test.:444"});
    CHECK(keys("10.0.0.0/24") == List{"0.0.10.in-addr.arpa.:53"});
    CHECK(keys("10.0.0.0/15:54") == List{"0.10.in-addr.arpa.:54", "1.10.in-addr.arpa.:54"});
    CHECK(keys("10.0.0.64/27").size() == 32);
    CHECK(keys("10.0.0.64/27").back() == "95.0.0.10.in-addr.arpa.:53");
    CHECK(keys("2001:db8::/33").size() == 8);
    CHECK(keys("fd00::/8") == List{"d.f.ip6.arpa.:53"});
    CHECK(keys("0.0.0.0/0") == List{"in-addr.arpa.:53"});
    CHECK(keys("32/27.104.21.172.in-addr.arpa") == List{"32/27.104.21.172.in-addr.arpa.:53"});
}

TEST_CASE("Bad keys are refused with their place", "[corefile]") {
    for (const auto* bad : {"", "a..b", "a.test:", "a.test:0", "a.test:65536", "a.test:domain",
                            "2001:db8::15", "ftp://a.test"}) {
        INFO(bad);
        const auto got = keys(bad);
        REQUIRE(got.size() == 1);
        CHECK_THAT(got[0], Catch::Matchers::StartsWith("f:1:2 - error inspecting server blocks: "));
    }
}

TEST_CASE("The longest zone wins", "[corefile]") {
    const std::vector<Name> zones = {*Name::parse("."), *Name::parse("b.test"),
                                     *Name::parse("a.b.test")};
    CHECK(longest_zone(zones, *Name::parse("x.A.b.test")) == &zones[2]);
    CHECK(longest_zone(zones, *Name::parse("xa.b.test")) == &zones[1]);
    CHECK(longest_zone(zones, *Name::parse("test")) == &zones[0]);
    CHECK(longest_zone(std::span(zones).subspan(1), *Name::parse("test")) == nullptr);
}

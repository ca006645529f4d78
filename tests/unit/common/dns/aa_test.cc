// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/aa.h"

#include <set>

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::dns;

TEST_CASE("AA strings that are right", "[dns][aa]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"AA 198.51.100.1 + 1025", "AA 198.51.100.1 + 1025"},
        {"AA  198.51.100.1  +  6  ", "AA 198.51.100.1 + 6"},
        {"AA 198.51.100.1+5", "AA 198.51.100.1 + 5"},
        {"AA 2001:db8::1 + 1-22", "AA 2001:db8::1 + 1-22"},
        {"AA gw.example.com + 1025", "AA gw.example.com. + 1025"},
        {"AA GW_1.example.com. + 0", "AA GW_1.example.com. + 0"},
        {"AA gw + a0--12", "AA gw. + a0-0-0-0-0-0-0-12"},
        {"AA 0.0.0.0 + 1", "AA 0.0.0.0 + 1"},
        {"AA 4.host + 1", "AA 4.host. + 1"},
    };
    for (const auto& [text, printed] : cases) {
        INFO(text);
        const auto aa = parse_aa(text);
        REQUIRE(aa);
        CHECK(aa->str() == printed);
        CHECK(*parse_aa(aa->str()) == *aa);
    }
}

TEST_CASE("AA strings that are wrong, each with its own message", "[dns][aa]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", "does not begin"},
        {"AA", "does not begin"},
        {"aa 198.51.100.1 + 1", "does not begin"},
        {" AA 198.51.100.1 + 1", "does not begin"},
        {"AA\t198.51.100.1 + 1", "does not begin"},
        {"AA ", "no '+'"},
        {"AA 198.51.100.1", "no '+'"},
        {"AA 198.51.100.1 - 16", "no '+'"},
        {"AA 198.51.100.1 + 1 + 2", "more than one '+'"},
        {"AA + 12", "gateway before '+' is missing"},
        {"AA 198.51.100.1 +", "reference after '+' is missing"},
        {"AA 256.1.1.1 + 7", "\"256.1.1.1\" is not an IP address"},
        {"AA 198.51.100 + 7", "not an IP address"},
        {"AA 198.51.100.1:1045 + 17", "not an IP address"},
        {"AA 198.51.100.1/32 + 18", "neither an address nor a host name"},
        {"AA * + 26", "neither an address nor a host name"},
        {"AA . + 27", "not an IP address"},
        {"AA two words + 1", "neither an address nor a host name"},
        {"AA bad..name + 19", "name is wrong"},
        {"AA " + std::string(64, 'x') + ".example.net + 20", "name is wrong"},
        {"AA 198.51.100.1 + xyz", "is not a reference"},
        {"AA 198.51.100.1 + 1 2", "is not a reference"},
        {"AA 198.51.100.1 +\t9", "is not a reference"},
        {"AA 198.51.100.1 + 1-", "is not a reference"},
        {"AA 198.51.100.1 + 340282366920938463463374607431768211456", "above 2^128-1"},
    };
    for (const auto& [text, why] : cases) {
        INFO(text);
        const auto aa = parse_aa(text);
        REQUIRE_FALSE(aa);
        CHECK(aa.error().text.find(why) != std::string::npos);
    }
}

TEST_CASE("error texts are printable and short", "[dns][aa]") {
    const auto aa = parse_aa("AA \x1b[31m" + std::string(500, 'x') + "\n + 1");
    REQUIRE_FALSE(aa);
    CHECK(aa.error().text.size() < 300);
    for (const char c : aa.error().text) CHECK((c >= ' ' && c <= '~'));
}

TEST_CASE("each string of a TXT record counts by itself", "[dns][aa]") {
    std::vector<uint8_t> rdata;
    for (const std::string text :
         {"v=spf1 -all", "AA 198.51.100.1 + 1", "", "AA oops", "AA 198.51.100.2 + 2"}) {
        rdata.push_back(static_cast<uint8_t>(text.size()));
        rdata.insert(rdata.end(), text.begin(), text.end());
    }
    const auto found = aa_of_txt(rdata);
    REQUIRE(found.good.size() == 2);
    CHECK(found.good[1].ref.low == 2);
    CHECK(found.bad.size() == 1);
    rdata.pop_back();
    CHECK(aa_of_txt(rdata).good.empty());
    CHECK(aa_of_txt(rdata).bad.size() == 1);
    CHECK(aa_of_txt({}).good.empty());
}

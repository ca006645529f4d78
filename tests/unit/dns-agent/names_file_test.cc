// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/names_file.h"

#include "unit/catch.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

using Texts = std::vector<std::string>;

Texts names(std::string_view text, const std::string& zone = "example.com") {
    Texts out;
    const auto parsed = parse_names(text, dns_name(zone)).value();
    for (const auto& one : parsed) out.push_back(one.str());
    return out;
}

std::string refused(std::string_view text) {
    const auto parsed = parse_names(text, dns_name("example.com"));
    return parsed ? "accepted" : parsed.error().text;
}

}  // namespace

TEST_CASE("names, one a line", "[names_file]") {
    CHECK(names("") == Texts{});
    CHECK(names("web\n  mail\t# comment\r\n\n# nothing\nwww.sub") ==
          Texts{"web.example.com.", "mail.example.com.", "www.sub.example.com."});
}

TEST_CASE("absolute names count for the zone they are in", "[names_file]") {
    const std::string_view text = "web.example.com.\nweb.example.net.\nexample.com.\nAll\n";
    CHECK(names(text) == Texts{"web.example.com.", "All.example.com."});
    CHECK(names(text, "example.net") == Texts{"web.example.net.", "All.example.net."});
}

TEST_CASE("a line that is no name is told by its number", "[names_file]") {
    CHECK(refused("web\nweb mail") == "line 2: \"web mail\": one name a line");
    CHECK(refused(".").find("line 1: \".\": ") == 0);
    CHECK(refused("a..b").find("line 1: \"a..b\": ") == 0);
    CHECK(refused(std::string(64, 'a')).find("line 1: ") == 0);
    std::string many;
    for (size_t i = 0; i <= kMostNames; i++) many += "h" + std::to_string(i) + "\n";
    CHECK(refused(many) == "line 200001: more than 200000 names");
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/ldns.h"

#include "unit/catch.h"

using namespace ipref::dns;

TEST_CASE("records go through presentation format and back", "[dns][ldns]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"www.Example.org. 300 IN A 192.0.2.1", "192.0.2.1"},
        {"x. 1 IN MX 10 mail.example.com.", "10 mail.example.com."},
        {"x. 1 IN TXT \"AA gw + 1\" \"two\"", "\"AA gw + 1\" \"two\""},
        {"x. 1 CH TYPE65280 \\# 3 010203", "\\# 3 010203"},
    };
    for (const auto& [line, data] : cases) {
        INFO(line);
        const auto record = parse_record(line);
        REQUIRE(record);
        CHECK(rdata_text(*record) == data);
        const auto rr = to_ldns(*record);
        REQUIRE(rr);
        CHECK(*record_of(**rr) == *record);
    }
    CHECK(parse_record("www.Example.org. 300 IN A 192.0.2.1")->owner.str() == "www.Example.org.");
}

TEST_CASE("what is no record is refused with its reason", "[dns][ldns]") {
    CHECK_FALSE(parse_record(""));
    CHECK_FALSE(parse_record("x. 1 IN A not-an-address"));
    CHECK_FALSE(to_ldns({Name(), rr::kA, klass::kIn, 1, {1, 2, 3}}));
    CHECK(take_ldns_text(nullptr).empty());
}

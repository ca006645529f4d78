// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/answer.h"

#include "common/dns/hosts_file.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::dns;
using test::query_for;
using test::reply_to;

namespace {

Result<Answer> answer(const std::vector<std::string>& records, uint16_t flags = 0,
                      uint16_t type = rr::kA) {
    const auto message = reply_to(query_for("a.test", type), flags, records);
    return parse_answer(message, *Name::parse("A.test"), type);
}

}  // namespace

TEST_CASE("an answer with a chain of aliases", "[dns][answer]") {
    const auto found = answer({"c.test. 20 IN A 192.0.2.2", "b.test. 30 IN CNAME c.test.",
                               "a.test. 60 IN CNAME b.test.", "other.test. 1 IN A 192.0.2.9",
                               "c.test. 90 IN A 192.0.2.1"});
    REQUIRE(found);
    REQUIRE(found->chain.size() == 2);
    CHECK(found->chain[0].owner.str() == "a.test.");
    CHECK(found->chain[1].owner.str() == "b.test.");
    REQUIRE(found->ips().size() == 2);
    CHECK(found->ips()[0].str() == "192.0.2.2");
    CHECK(found->ttl == 20);
    CHECK_FALSE(found->authenticated);
    CHECK(answer({}, flag::kAd)->authenticated);
}

TEST_CASE("answers without records, and errors", "[dns][answer]") {
    CHECK(answer({})->records.empty());
    CHECK(answer({}, rcode::kNxDomain)->rcode == rcode::kNxDomain);
    CHECK(answer({}, rcode::kServFail).error().text == "SERVFAIL");
    CHECK(answer({}, rcode::kRefused).error().text == "REFUSED");
    CHECK(answer({"a.test. 4294967295 IN A 192.0.2.2"})->ttl == 0);
    CHECK(answer({"a.test. 60 CH A 192.0.2.2"})->records.empty());
    const auto loop = answer({"a.test. 1 IN CNAME b.test.", "b.test. 1 IN CNAME a.test."});
    REQUIRE_FALSE(loop);
    CHECK(loop.error().text.find("more than 16 CNAMEs") != std::string::npos);
}

TEST_CASE("what is denied holds as long as the SOA of its zone says", "[dns][answer]") {
    struct Case {
        std::vector<std::string> records, authority;
        std::optional<uint32_t> holds;
        uint16_t flags = 0;
    };
    const std::string soa = " IN SOA ns.test. root.test. 1 2 3 4 ";
    const std::vector<Case> cases = {
        {{}, {}, {}},
        {{}, {"test. 600" + soa + "300"}, 300},
        {{}, {"test. 60" + soa + "300"}, 60, rcode::kNxDomain},
        {{}, {". 60" + soa + "0"}, 0},
        {{}, {"a.test. 900" + soa + "4294967295"}, 0},
        {{}, {"other.test. 900" + soa + "800"}, {}},
        {{}, {"x.a.test. 900" + soa + "800"}, {}},
        {{}, {"other. 900" + soa + "800", "test. 900" + soa + "700"}, 700},
        {{}, {"test. 900 CH SOA ns.test. root.test. 1 2 3 4 5"}, {}},
        {{"test. 900" + soa + "800"}, {}, {}},
        {{"a.test. 50 IN CNAME b.other."}, {"other. 900" + soa + "800"}, 50},
        {{"a.test. 950 IN CNAME b.other."}, {"other. 900" + soa + "800"}, 800},
        {{"a.test. 50 IN CNAME b.other."}, {"test. 900" + soa + "800"}, {}},
        {{"a.test. 50 IN A 192.0.2.1"}, {"test. 900" + soa + "800"}, {}},
    };
    for (size_t i = 0; i < cases.size(); i++) {
        INFO(i);
        const auto& one = cases[i];
        const auto message =
            reply_to(query_for("a.test", rr::kA), one.flags, one.records, one.authority);
        const auto found = parse_answer(message, *Name::parse("a.test"), rr::kA);
        REQUIRE(found);
        CHECK(found->denied_for == one.holds);
    }
}

TEST_CASE("an answer to something else is none", "[dns][answer]") {
    const auto name = *Name::parse("a.test");
    auto message = reply_to(query_for("a.test", rr::kA), 0, {"a.test. 1 IN A 192.0.2.1"});
    CHECK(parse_answer(message, name, rr::kA));
    CHECK_FALSE(parse_answer(message, name, rr::kAaaa));
    CHECK_FALSE(parse_answer(message, *Name::parse("b.test"), rr::kA));
    CHECK_FALSE(parse_answer(Bytes(message).first(message.size() - 1), name, rr::kA));
    CHECK_FALSE(parse_answer(query_for("a.test", rr::kA), name, rr::kA));
    CHECK_FALSE(parse_answer({}, name, rr::kA));
}

TEST_CASE("the hosts file", "[dns][hosts]") {
    const auto table = parse_hosts(
        "127.0.0.1 localhost\n# 192.0.2.1 commented\n10.0.0.10\tweb.internal WEB # both\r\n"
        "fe80::1 web.internal\nbad line\n10.0.0.11 web.internal bad..name\n10.0.0.10 web");
    CHECK(table.size() == 3);
    const auto& ips = table.at(*Name::parse("Web.Internal"));
    REQUIRE(ips.size() == 3);
    CHECK(ips[0].str() == "10.0.0.10");
    CHECK(ips[1].is_v6());
    CHECK(ips[2].str() == "10.0.0.11");
    CHECK(table.at(*Name::parse("web")).size() == 1);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/rrl/rate_table.h"
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using test::ResolverBench;

namespace {

const net::SipKey kKey{1, 2, 3};

net::Ip v4(uint32_t number) {
    return net::Ip::v4(number);
}

/// How many of `count` answers at one time may go to a client.
int passed(RateTable& table, const net::Ip& client, uint32_t now, int count) {
    int out = 0;
    for (int i = 0; i < count; i++) out += table.take(client, now) ? 1 : 0;
    return out;
}

struct Bench : ResolverBench {
    std::chrono::steady_clock::time_point time;
    explicit Bench(const std::string& options, const std::string& more = "") {
        runner.clock([this] { return time; });
        open(". {\n " + more + "\n rrl {\n" + options + "\n }\n whoami\n}\n");
    }
};

}  // namespace

TEST_CASE("An address gets its burst, then its rate", "[rrl]") {
    RateTable table({.rate = 50, .burst = 125, .places = 1024}, kKey);
    const auto client = v4(0xcb007101);
    CHECK(passed(table, client, 1000, 200) == 125);
    CHECK(passed(table, client, 1100, 200) == 5);
    CHECK(passed(table, client, 2100, 200) == 50);
    CHECK(passed(table, client, 102'100, 200) == 125);
    CHECK(passed(table, v4(0xcb007102), 2100, 10) == 10);  // its neighbour is not to blame
}

TEST_CASE("The networks around an address have limits of their own", "[rrl]") {
    RateTable table({.rate = 50, .burst = 125, .places = 65'536}, kKey);
    int out = 0;
    for (uint32_t host = 0; host < 256; host++) out += passed(table, v4(0xcb007100 + host), 0, 125);
    CHECK(out == Approx(125 * 32).margin(2));
    const auto v6 = [](const char* text) { return *net::Ip::parse(text); };
    out = 0;
    for (const char* host : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"}) {
        out += passed(table, v6(host), 0, 125);
    }
    CHECK(out == Approx(125 * 2).margin(2));
}

TEST_CASE("Strangers in any number do not push out who is limited", "[rrl]") {
    RateTable table({.rate = 50, .burst = 125, .places = 1024}, kKey);
    const auto client = v4(0xcb007101);
    CHECK(passed(table, client, 0, 200) == 125);
    for (uint32_t i = 0; i < 20'000; i++) table.take(v4(0x08000000 + i * 7919), 0);
    CHECK(passed(table, client, 0, 10) == 0);
}

TEST_CASE("The clock may wrap", "[rrl]") {
    RateTable table({.rate = 50, .burst = 10, .places = 1024}, kKey);
    const auto client = v4(0xcb007101);
    CHECK(passed(table, client, UINT32_MAX - 50, 20) == 10);
    CHECK(passed(table, client, 49, 20) == 5);
}

TEST_CASE("What is withheld is truncated, or every so manieth is", "[rrl]") {
    Bench bench("rate 1\n burst 3\n");
    for (int i = 0; i < 3; i++)
        CHECK_FALSE(bench.get("a.test", dns::rr::kA).header.has(dns::flag::kTc));
    const auto& slipped = bench.get("a.test", dns::rr::kA);
    CHECK(slipped.header.has(dns::flag::kTc));
    CHECK(slipped.answer.empty());
    CHECK(slipped.additional.empty());
    bench.time += std::chrono::seconds(1);
    CHECK_FALSE(bench.get("a.test", dns::rr::kA).header.has(dns::flag::kTc));
    Bench some("rate 1\n burst 1\n slip 2\n");
    some.get("a.test", dns::rr::kA);
    int truncated = 0;
    for (int i = 0; i < 10; i++) {
        const auto& answer = some.get("a.test", dns::rr::kA);
        truncated += answer.header.has(dns::flag::kTc) ? 1 : 0;
    }
    CHECK(truncated == 5);
    CHECK_THAT(some.runner.active()->config->metrics->text(),
               Catch::Matchers::Contains("coredns_rrl_limited_total{action=\"dropped\"} 5"));
}

TEST_CASE("Who is not limited: streams, private and exempt networks, valid cookies", "[rrl]") {
    Bench bench("rate 1\n burst 1\n exempt 198.51.100.0/24\n", "cookie");
    const auto limited = [&](const test::Message& query, const char* client, Proto proto) {
        bench.client = *net::Ip::parse(client);
        bool out = false;
        for (int i = 0; i < 3; i++) out |= bench.get(query, proto).header.has(dns::flag::kTc);
        return out;
    };
    const auto query = test::query_for("a.test", dns::rr::kA);
    CHECK(limited(query, "203.0.113.9", Proto::udp));
    CHECK_FALSE(limited(query, "203.0.113.9", Proto::tcp));
    CHECK_FALSE(limited(query, "203.0.113.9", Proto::tls));
    CHECK_FALSE(limited(query, "198.51.100.7", Proto::udp));
    for (const char* near : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.7.7", "fd00::1"}) {
        CHECK_FALSE(limited(query, near, Proto::udp));
    }
    CHECK(limited(query, "172.32.0.1", Proto::udp));
    CHECK(limited(query, "2001:db8::1", Proto::udp));
    bench.client = *net::Ip::parse("203.0.113.9");
    test::Message space(512);
    const auto with = [&](const test::Message& cookie) {
        dns::MessageWriter writer(space);
        writer.question({*dns::Name::parse("a.test"), dns::rr::kA});
        std::vector<uint8_t> options;
        dns::append_option(options, dns::option::kCookie, cookie);
        writer.edns({.options = options});
        const auto whole = writer.finish(7, 0);
        return test::Message(whole.begin(), whole.end());
    };
    const auto& first = bench.get(with(test::Message(8, 1)));
    CHECK(first.header.has(dns::flag::kTc));
    const auto cookie = first.cookie;  // even a truncated answer brings one
    REQUIRE(cookie.size() == 24);
    CHECK_FALSE(limited(with(cookie), "203.0.113.9", Proto::udp));
    CHECK(limited(with(cookie), "203.0.113.10", Proto::udp));
}

TEST_CASE("Corefiles with bad rrl options", "[rrl]") {
    using Catch::Matchers::Contains;
    const auto said = [](const std::string& options) {
        return test::refusal(". {\n rrl {\n " + options + "\n }\n}\n");
    };
    CHECK_FALSE(said("rate 0").empty());
    CHECK_FALSE(said("slip 101").empty());
    CHECK_FALSE(said("exempt nowhere").empty());
    CHECK_FALSE(said("exempt").empty());
    CHECK_THAT(said("rat 5"), Contains("rate"));
    CHECK_THAT(test::refusal(". {\n rrl\n rrl\n}\n"), Contains("only be used once"));
}

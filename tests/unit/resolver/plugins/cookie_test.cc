// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cookie/server_cookie.h"
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Message;
using test::ResolverBench;

namespace {

Message hex(std::string_view text) {
    Message out;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        out.push_back(static_cast<uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return out;
}

net::SipKey key(std::string_view text) {
    net::SipKey out;
    const auto bytes = hex(text);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

Message made(const CookieSecrets& secrets, std::string_view client, const char* ip, uint32_t now) {
    const auto cookie = secrets.make(hex(client), *net::Ip::parse(ip), now);
    return {cookie.begin(), cookie.end()};
}

Message query_with_cookie(uint16_t id, const Message& cookie) {
    Message space(512);
    dns::MessageWriter writer(space);
    writer.question({*dns::Name::parse("a.test"), dns::rr::kA});
    std::vector<uint8_t> options;
    dns::append_option(options, dns::option::kCookie, cookie);
    writer.edns({.options = options});
    const auto whole = writer.finish(id, dns::flag::kRd);
    return {whole.begin(), whole.end()};
}

constexpr const char* kClient = "2464c4abcf10c957";

}  // namespace

TEST_CASE("Server cookies are those of RFC 9018 appendix A", "[cookie]") {
    const auto secrets =
        CookieSecrets::fixed(key("e5e973e5a6b2a43f48e7dc849e37bfcf"), std::nullopt);
    // A.1 and A.2
    CHECK(made(secrets, kClient, "198.51.100.100", 1559731985) ==
          hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
    CHECK(made(secrets, kClient, "198.51.100.100", 1559734385) ==
          hex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
    // A.3: what is reserved counts for the hash
    CHECK(secrets.valid(hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"),
                        *net::Ip::parse("203.0.113.203"), 1559734700 - 7000));
}

TEST_CASE("A cookie is good for its client, for an hour, by either secret", "[cookie]") {
    const auto first = key("e5e973e5a6b2a43f48e7dc849e37bfcf");
    const auto second = key("445536bcd2513298075a5d379663c962");
    const auto ip = *net::Ip::parse("2001:db8::1");
    const uint32_t now = 1'700'000'000;
    const auto old = CookieSecrets::fixed(first, std::nullopt);
    const auto both = CookieSecrets::fixed(second, first);
    const auto cookie = made(old, kClient, "2001:db8::1", now);
    CHECK(old.valid(cookie, ip, now));
    CHECK(old.valid(cookie, ip, now + 3600));
    CHECK_FALSE(old.valid(cookie, ip, now + 3601));
    CHECK(old.valid(cookie, ip, now - 300));
    CHECK_FALSE(old.valid(cookie, ip, now - 301));
    CHECK(old.fresh(cookie, now + 1800));
    CHECK_FALSE(old.fresh(cookie, now + 1801));
    CHECK(both.valid(cookie, ip, now));
    CHECK_FALSE(CookieSecrets::fixed(second, std::nullopt).valid(cookie, ip, now));
    CHECK_FALSE(old.valid(cookie, *net::Ip::parse("2001:db8::2"), now));
    for (size_t i = 0; i < cookie.size(); i++) {
        auto bad = cookie;
        bad[i] ^= 1;
        INFO(i);
        CHECK_FALSE(old.valid(bad, ip, now));
    }
    CHECK_FALSE(old.valid(Bytes(cookie).first(8), ip, now));
    CHECK_FALSE(old.valid({}, ip, now));
}

TEST_CASE("A secret that rotates takes cookies of the day before", "[cookie]") {
    const auto secrets = CookieSecrets::rotating(key("e5e973e5a6b2a43f48e7dc849e37bfcf"));
    const auto ip = *net::Ip::parse("192.0.2.1");
    const uint32_t midnight = 20'000 * 86'400U;
    const auto evening = made(secrets, kClient, "192.0.2.1", midnight - 60);
    const auto morning = made(secrets, kClient, "192.0.2.1", midnight + 60);
    CHECK(secrets.valid(evening, ip, midnight + 60));
    CHECK(secrets.valid(morning, ip, midnight + 60));
    const auto master = CookieSecrets::fixed(key("e5e973e5a6b2a43f48e7dc849e37bfcf"), std::nullopt);
    CHECK_FALSE(master.valid(evening, ip, midnight));  // it is not used itself
}

TEST_CASE("Clients get a cookie with each answer, if they ask for it", "[cookie]") {
    ResolverBench bench;
    bench.open(". {\n cookie\n whoami\n}\n");
    const auto& fresh = bench.get(query_with_cookie(1, hex(kClient)));
    CHECK(fresh.rcode == "NOERROR");
    REQUIRE(fresh.cookie.size() == 24);
    CHECK(Message(fresh.cookie.begin(), fresh.cookie.begin() + 8) == hex(kClient));
    const auto cookie = fresh.cookie;
    CHECK(bench.get(query_with_cookie(2, cookie)).cookie == cookie);
    CHECK(bench.get("a.test", dns::rr::kA).cookie.empty());
    CHECK_THAT(bench.runner.active()->config->metrics->text(),
               Catch::Matchers::Contains("coredns_cookie_queries_total{result=\"valid\"} 1") &&
                   Catch::Matchers::Contains("coredns_cookie_queries_total{result=\"new\"} 1"));
}

TEST_CASE("Without the plugin cookies are ignored", "[cookie]") {
    ResolverBench bench;
    bench.open(". {\n whoami\n}\n");
    CHECK(bench.get(query_with_cookie(1, hex(kClient))).cookie.empty());
}

TEST_CASE("Cookies that are required over UDP", "[cookie]") {
    ResolverBench bench;
    bench.open(". {\n cookie {\n require\n }\n whoami\n}\n");
    const auto& refused = bench.get(query_with_cookie(1, hex(kClient)));
    CHECK(refused.rcode == "BADCOOKIE");
    const auto cookie = refused.cookie;
    REQUIRE(cookie.size() == 24);
    CHECK(bench.get(query_with_cookie(2, cookie)).rcode == "NOERROR");
    CHECK(bench.get(query_with_cookie(3, hex(kClient)), Proto::tcp).rcode == "NOERROR");
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
}

TEST_CASE("Corefiles with bad cookie options", "[cookie]") {
    using Catch::Matchers::Contains;
    const auto said = [](const std::string& options) {
        return test::refusal(". {\n cookie {\n " + options + "\n }\n}\n");
    };
    CHECK_THAT(said("secret 1234"), Contains("32 hexadecimal digits"));
    CHECK_THAT(said("secret"), Contains("Wrong argument count"));
    CHECK_THAT(said("secre"), Contains("secret"));
    CHECK_THAT(test::refusal(". {\n cookie x\n}\n"), Contains("Wrong argument count"));
    CHECK_THAT(test::refusal(". {\n cookie\n cookie\n}\n"), Contains("only be used once"));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref's look-ups that found nothing, or failed.
#include "resolver/plugins/ipref/negative_cache.h"
#include "unit/resolver/plugins/ipref_bench.h"

using namespace ipref;
using namespace ipref::test;
using dns::rr::kA;
using dns::rr::kAaaa;
using dns::rr::kTxt;
using resolver::aa::NegativeCache;
using resolver::aa::NegativeOptions;
using std::chrono::seconds;

namespace {

using Messages = std::vector<Message>;

dns::Name name(const std::string& text) {
    return dns::Name::parse(text).value();
}

NegativeCache::Outcome denial(std::optional<uint32_t> holds) {
    dns::Answer answer;
    answer.rcode = dns::rcode::kNxDomain;
    answer.denied_for = holds;
    return answer;
}

NegativeCache::Outcome failure() {
    return fail("upstream 192.0.2.1:53: REFUSED");
}

/// Denies everything, by an SOA with these numbers.
auto denies(uint16_t rcode, const std::string& soa) {
    return [rcode, soa](const Asked& asked) -> std::optional<Messages> {
        return Messages{reply_to(asked.wire, rcode, {}, {soa})};
    };
}

constexpr auto kSoa = "test. 600 IN SOA ns.test. root.test. 1 2 3 4 600";

/// A gateway is there, the upstream denies everything, whoami comes after ipref.
struct Denied : IprefBench {
    explicit Denied(const std::string& options = "", uint16_t rcode = dns::rcode::kNxDomain,
                    const std::string& soa = kSoa) {
        with_gateway();
        instead = denies(rcode, soa);
        serve_with(options, "whoami");
    }
    /// Asks the same twice; how many questions the upstream has had by then.
    size_t asked_after_two() {
        get("nx.test", kA);
        get("nx.test", kA);
        return upstream.asked().size();
    }
};

}  // namespace

TEST_CASE("what is denied is remembered as long as it holds", "[ipref]") {
    NegativeCache cache({});
    cache.keep(name("a.test"), kTxt, denial(10), seconds(100));
    cache.keep(name("b.test"), kTxt, denial({}), seconds(100));
    cache.keep(name("c.test"), kTxt, denial(0), seconds(100));
    cache.keep(name("d.test"), kTxt, denial(1'000'000), seconds(100));
    CHECK(cache.denials() == 2);
    const auto known = cache.find(name("A.Test"), kTxt, seconds(104));
    REQUIRE(known);
    REQUIRE(*known);
    CHECK((*known)->rcode == dns::rcode::kNxDomain);
    CHECK((*known)->denied_for == 6);
    CHECK_FALSE(cache.find(name("a.test"), kA, seconds(104)));
    CHECK_FALSE(cache.find(name("x.a.test"), kTxt, seconds(104)));
    CHECK_FALSE(cache.find(name("a.test"), kTxt, seconds(110)));
    CHECK(cache.find(name("d.test"), kTxt, seconds(100 + 3'599)));
    CHECK_FALSE(cache.find(name("d.test"), kTxt, seconds(100 + 3'600)));
    CHECK(cache.denials() == 0);

    cache.keep(name("a.test"), kTxt, denial(10), seconds(100));
    dns::Answer found;
    found.records.push_back({name("a.test"), kTxt, dns::klass::kIn, 60, {1, 'x'}});
    cache.keep(name("a.test"), kTxt, found, seconds(101));
    CHECK(cache.denials() == 0);
}

TEST_CASE("a failure is remembered for a second, and longer if it fails again", "[ipref]") {
    NegativeCache cache({});
    auto now = seconds(100);
    for (const auto lasts : {1, 2, 4, 4}) {
        INFO(now.count());
        cache.keep(name("a.test"), kTxt, failure(), now);
        const auto known = cache.find(name("a.test"), kTxt, now + seconds(lasts) - seconds(1));
        REQUIRE(known);
        CHECK(known->error().text == failure().error().text);
        now += seconds(lasts);
        CHECK_FALSE(cache.find(name("a.test"), kTxt, now));
    }
    now += seconds(60);
    cache.keep(name("a.test"), kTxt, failure(), now);
    CHECK_FALSE(cache.find(name("a.test"), kTxt, now + seconds(1)));
    // An answer ends the row.
    cache.keep(name("a.test"), kTxt, denial(5), now);
    CHECK(cache.failures() == 0);
    cache.keep(name("a.test"), kTxt, failure(), now + seconds(5));
    CHECK_FALSE(cache.find(name("a.test"), kTxt, now + seconds(6)));
}

TEST_CASE("denials and failures are bounded, and leave each other alone", "[ipref]") {
    NegativeOptions options;
    options.most_denials = 100;
    options.most_failures = 10;
    NegativeCache cache(options);
    for (int i = 0; i < 1000; i++) {
        cache.keep(name(fmt::format("d{}.test", i)), kTxt, denial(60), seconds(100));
        cache.keep(name(fmt::format("f{}.test", i)), kTxt, failure(), seconds(100));
        REQUIRE(cache.denials() <= 100);
        REQUIRE(cache.failures() <= 10);
    }
    CHECK(cache.denials() == 100);
    CHECK(cache.failures() == 10);
    CHECK_FALSE(cache.find(name("d899.test"), kTxt, seconds(100)));
    CHECK(cache.find(name("d900.test"), kTxt, seconds(100)));
    CHECK(cache.find(name("d999.test"), kTxt, seconds(100)));
    CHECK_FALSE(cache.find(name("f989.test"), kTxt, seconds(100)));
    CHECK(cache.find(name("f990.test"), kTxt, seconds(100)));
}

TEST_CASE("a name that is denied goes to the next plugin without the upstream", "[ipref]") {
    for (const uint16_t rcode : {dns::rcode::kNxDomain, dns::rcode::kNoError}) {
        Denied bench("", rcode);
        for (const auto* asked : {"nx.test", "NX.test"}) {
            CHECK_FALSE(bench.get(asked, kA).additional.empty());  // of whoami
            CHECK_FALSE(bench.get(asked, kAaaa).additional.empty());
        }
        CHECK(bench.upstream.asked().size() == 1);
        bench.get("x.nx.test", kA);
        CHECK(bench.upstream.asked().size() == 2);
    }
}

TEST_CASE("a denial by somebody else's SOA, or without one, is not remembered", "[ipref]") {
    Denied bench("", dns::rcode::kNxDomain, "example. 600 IN SOA ns.test. root.test. 1 2 3 4 600");
    CHECK(bench.asked_after_two() == 2);
    bench.instead = {};  // no SOA
    CHECK(bench.asked_after_two() == 4);
}

TEST_CASE("option ttl bounds what is denied as well", "[ipref]") {
    Denied bench("ttl 0");
    CHECK(bench.asked_after_two() == 2);
}

TEST_CASE("a reload forgets what was denied", "[ipref]") {
    Denied bench;
    CHECK_FALSE(bench.get("a.test", kA).additional.empty());
    bench.instead = {};
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    CHECK(bench.get("a.test", kA).answer.empty());
    bench.serve_with("", "whoami");
    CHECK(bench.get("a.test", kA).additional.empty());
    CHECK(bench.asked(kTxt) == 2);
}

TEST_CASE("a look-up that failed fails again without the upstream, with the same word", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.instead = [](const Asked& asked) {
        return Messages{reply_to(asked.wire, dns::rcode::kServFail, {})};
    };
    bench.serve_with("", "whoami");
    constexpr size_t kMany = 30;
    for (size_t i = 0; i < kMany; i++) {
        const auto& got = bench.get("a.test", i % 2 == 0 ? kA : kAaaa);
        CHECK(got.rcode == "SERVFAIL");
        CHECK(got.additional.empty());
        CHECK(got.info ==
              fmt::format("TXT look-up failed: upstream {}: SERVFAIL", bench.upstream.at().str()));
    }
    CHECK(bench.upstream.asked().size() < kMany);
}

TEST_CASE("a gateway's name that is denied is looked up once", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.instead = [](const Asked& asked) -> std::optional<Messages> {
        if (asked.question.type == kTxt) return std::nullopt;
        return Messages{reply_to(asked.wire, dns::rcode::kNxDomain, {}, {kSoa})};
    };
    for (const auto* host : {"a.test.", "b.test."}) {
        bench.records[fmt::format("{} TXT", host)] = {
            fmt::format("{} 60 IN TXT \"AA gone.test + 1\"", host)};
    }
    bench.serve_with("");
    CHECK(bench.get("a.test", kA).rcode == "SERVFAIL");
    CHECK(bench.get("b.test", kA).info == "gateway gone.test.: no address of the family wanted");
    CHECK(bench.asked(kA) == 1);
}

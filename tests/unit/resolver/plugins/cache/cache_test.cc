// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <set>

#include "unit/resolver/plugins/cache/cache_bench.h"

using namespace ipref;
using namespace ipref::test;
using namespace std::chrono_literals;
using resolver::Query;
using Lines = std::vector<std::string>;

TEST_CASE("a second question is answered from memory", "[cache]") {
    CacheBench bench;
    bench.open("", "60");
    bench.records = {"www.test. 100 IN A 192.0.2.1", "www.test. 300 IN A 192.0.2.2"};
    const auto& first = bench.get("www.test", dns::rr::kA);
    CHECK(first.answer == Lines{"www.test. 60 IN A 192.0.2.1", "www.test. 60 IN A 192.0.2.2"});
    bench.pass(10500ms);
    const auto& second = bench.get("wWw.Test", dns::rr::kA);
    CHECK(second.question == "wWw.Test.");
    CHECK(second.answer == Lines{"wWw.Test. 50 IN A 192.0.2.1", "wWw.Test. 50 IN A 192.0.2.2"});
    CHECK(second.header.id != first.header.id);
    CHECK(second.header.has(dns::flag::kRa));
    CHECK_FALSE(second.header.has(dns::flag::kAa));
    CHECK(second.edns);
    CHECK(bench.asked() == 1);
    bench.pass(50s);
    CHECK(bench.get("www.test", dns::rr::kA).answer.size() == 2);
    CHECK(bench.asked() == 2);
}

TEST_CASE("AA is given again only where it was", "[cache]") {
    CacheBench bench;
    bench.open("");
    bench.flags = dns::flag::kAa;
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    CHECK(bench.get("www.test", dns::rr::kA).header.has(dns::flag::kAa));
    CHECK(bench.get("www.test", dns::rr::kA).header.has(dns::flag::kAa));
    CHECK_FALSE(bench.get("www.test", dns::rr::kA).header.has(dns::flag::kRa));
    CHECK(bench.asked() == 1);
}

TEST_CASE("the least TTL is lifted, keepttl keeps it", "[cache]") {
    CacheBench bench;
    bench.open("keepttl\nsuccess 100 50 40");
    bench.records = {"www.test. 3 IN A 192.0.2.1"};
    CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 40 IN A 192.0.2.1"});
    bench.pass(30s);
    CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 40 IN A 192.0.2.1"});
    CHECK(bench.asked() == 1);
}

TEST_CASE("TTL 0 is for one question if nothing lifts it", "[cache]") {
    CacheBench bench;
    bench.open("success 100 50 0");
    bench.records = {"www.test. 0 IN A 192.0.2.1"};
    CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 0 IN A 192.0.2.1"});
    bench.get("www.test", dns::rr::kA);
    CHECK(bench.asked() == 2);
}

TEST_CASE("what does not exist is kept for as long as its SOA says", "[cache]") {
    for (const uint16_t rcode : {dns::rcode::kNxDomain, dns::rcode::kNoError}) {
        CacheBench bench;
        bench.open("");
        bench.flags = rcode;
        bench.authority = {"test. 300 IN SOA ns.test. hm.test. 1 60 60 60 20"};
        bench.get("www.test", dns::rr::kA);
        bench.pass(15s);
        const auto& again = bench.get("www.test", dns::rr::kA);
        CHECK(again.rcode == dns::rcode_text(rcode));
        CHECK(again.authority == Lines{"test. 5 IN SOA ns.test. hm.test. 1 60 60 60 20"});
        CHECK(bench.asked() == 1);
        bench.pass(5s);
        bench.get("www.test", dns::rr::kA);
        CHECK(bench.asked() == 2);
    }
}

TEST_CASE("what is not kept", "[cache]") {
    struct Case {
        std::string what;
        uint16_t flags;
        Lines records, authority;
        size_t asked = 2;
    };
    const std::vector<Case> cases = {
        {"a denial without SOA", dns::rcode::kNxDomain, {}, {}},
        {"no data, no SOA", dns::rcode::kNoError, {}, {}},
        {"REFUSED", dns::rcode::kRefused, {}, {}},
        {"FORMERR", dns::rcode::kFormErr, {}, {}},
        {"another name's", 0, {"other.test. 60 IN A 192.0.2.1"}, {}},
        {"a delegation is", 0, {}, {"test. 60 IN NS ns.test."}, 1},
        {"an alias to nowhere is", 0, {"www.test. 60 IN CNAME x.test."}, {}, 1},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        CacheBench bench;
        bench.open("");
        bench.flags = one.flags;
        bench.records = one.records;
        bench.authority = one.authority;
        const auto& first = bench.get("www.test", dns::rr::kA);
        const auto& second = bench.get("www.test", dns::rr::kA);
        CHECK(first.rcode == second.rcode);
        CHECK(first.answer == second.answer);
        CHECK(bench.asked() == one.asked);
    }
}

TEST_CASE("a cut answer is not kept", "[cache]") {
    CacheBench bench;
    bench.open("");
    bench.flags = dns::flag::kTc;
    bench.records = {"www.test. 60 IN A 192.0.2.1"};
    CHECK(bench.get("www.test", dns::rr::kA).header.has(dns::flag::kTc));
    bench.get("www.test", dns::rr::kA);
    CHECK(bench.asked() == 2);
}

TEST_CASE("an answer for a client's subnet is nobody else's", "[cache]") {
    CacheBench bench;
    bench.open("");
    bench.records = {"www.test. 60 IN A 192.0.2.1"};
    std::vector<uint8_t> options;
    dns::append_option(options, dns::option::kSubnet, std::vector<uint8_t>{0, 1, 24, 0, 10, 0, 0});
    bench.get(bench.query("www.test", {}, options));
    bench.get("www.test", dns::rr::kA);
    bench.get(bench.query("www.test", {}, options));
    CHECK(bench.asked() == 3);
}

TEST_CASE("DO and CD: who is given what of whom", "[cache]") {
    const std::string a = "www.test. 60 IN A 192.0.2.1";
    const std::string rrsig =
        "www.test. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 test. AAAA";
    constexpr auto kDo = CacheBench::kDo;
    constexpr auto kCd = CacheBench::kCd;
    struct Case {
        unsigned first, second;
        bool hit;
    };
    const std::vector<Case> cases = {
        {0, 0, true},          {0, kDo, false},         {0, kCd, true},
        {kDo, 0, true},        {kDo, kDo, true},        {kDo, kCd, true},
        {kCd, 0, false},       {kCd, kDo, false},       {kCd, kCd, true},
        {kDo | kCd, 0, false}, {kDo | kCd, kDo, false}, {kDo | kCd, kCd, true},
        {0, kDo | kCd, false}, {kDo, kDo | kCd, true},
    };
    for (const auto& one : cases) {
        INFO(one.first << " then " << one.second);
        CacheBench bench;
        bench.open("");
        bench.records = {a};
        if ((one.first & kDo) != 0) bench.records.push_back(rrsig);
        bench.get(bench.query("www.test", one.first));
        const auto& got = bench.get(bench.query("www.test", one.second));
        CHECK(bench.asked() == (one.hit ? 1U : 2U));
        if (one.hit) CHECK(got.answer.size() == ((one.second & kDo) != 0 ? 2U : 1U));
    }
}

TEST_CASE("AD is for those that ask for it", "[cache]") {
    CacheBench bench;
    bench.open("");
    bench.flags = dns::flag::kAd;
    bench.records = {"www.test. 60 IN A 192.0.2.1"};
    CHECK(bench.get(bench.query("www.test", CacheBench::kDo)).header.has(dns::flag::kAd));
    CHECK(bench.get(bench.query("www.test", CacheBench::kDo)).header.has(dns::flag::kAd));
    CHECK_FALSE(bench.get("www.test", dns::rr::kA).header.has(dns::flag::kAd));
    CHECK(bench.asked() == 1);
}

TEST_CASE("what was fetched unchecked serves others only when nobody can be reached", "[cache]") {
    CacheBench bench;
    bench.open("servfail 0s");
    bench.flags = dns::flag::kAd;
    bench.records = {"www.test. 60 IN A 192.0.2.1"};
    bench.get(bench.query("www.test", CacheBench::kCd | CacheBench::kDo));
    bench.fails(dns::rcode::kServFail);  // the check found it bogus
    CHECK(bench.get(bench.query("www.test", CacheBench::kDo)).rcode == "SERVFAIL");
    bench.close_upstream();
    const auto& got = bench.get(bench.query("www.test", CacheBench::kDo));
    CHECK(got.rcode == "NOERROR");
    CHECK(got.answer.size() == 1);
    CHECK_FALSE(got.header.has(dns::flag::kAd));
}

TEST_CASE("failures are kept for a while, and never in place of data", "[cache]") {
    CacheBench bench;
    bench.open("servfail 10s");
    bench.records = {"www.test. 60 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.fails(dns::rcode::kServFail);
    CHECK(bench.get("x.test", dns::rr::kA).rcode == "SERVFAIL");
    CHECK(bench.get("x.test", dns::rr::kA).rcode == "SERVFAIL");
    CHECK(bench.asked() == 2);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "NOERROR");
    bench.pass(10s);
    bench.works();
    CHECK(bench.get("x.test", dns::rr::kA).rcode == "NOERROR");
    CHECK(bench.asked() == 3);
}

TEST_CASE("a failure's extended error is kept with it", "[cache]") {
    CacheBench bench;
    bench.open("");
    bench.close_upstream();
    const auto& first = bench.get("www.test", dns::rr::kA);
    const auto& again = bench.get("www.test", dns::rr::kA);
    CHECK(first.info_code == dns::ede::kNoReachableAuthority);
    CHECK(again.info_code == first.info_code);
    CHECK(again.info == first.info);
    CHECK(bench.count("coredns_cache_hits_total", "denial") == 1);
}

TEST_CASE("zones and disable", "[cache]") {
    CacheBench bench;
    bench.open("disable success off.in.test\ndisable denial", "60 in.test");
    bench.records = {};
    const auto times = [&](const std::string& name, const Lines& records, uint16_t rcode) {
        bench.records = records;
        bench.flags = rcode;
        bench.authority.clear();
        if (rcode != 0) bench.authority = {"test. 300 IN SOA ns.test. hm.test. 1 60 60 60 20"};
        const size_t before = bench.asked();
        bench.get(name, dns::rr::kA);
        bench.get(name, dns::rr::kA);
        return bench.asked() - before;
    };
    CHECK(times("www.in.test", {"www.in.test. 60 IN A 192.0.2.1"}, 0) == 1);
    CHECK(times("www.test", {"www.test. 60 IN A 192.0.2.1"}, 0) == 2);
    CHECK(times("www.off.in.test", {"www.off.in.test. 60 IN A 192.0.2.1"}, 0) == 2);
    CHECK(times("x.in.test", {}, dns::rcode::kNxDomain) == 2);
}

TEST_CASE("a large answer from memory is cut for those who take less", "[cache]") {
    CacheBench bench;
    bench.open("");
    for (int i = 1; i <= 60; i++) {
        bench.records.push_back(fmt::format("www.test. 60 IN A 192.0.2.{}", i));
    }
    const auto& first = bench.get("www.test", dns::rr::kA, false);
    CHECK(first.header.has(dns::flag::kTc));
    const auto& whole = bench.get(query_for("www.test", dns::rr::kA, 77), resolver::Proto::tcp);
    CHECK(whole.answer.size() == 60);
    const auto& cut = bench.get("www.test", dns::rr::kA, false);
    CHECK(cut.header.has(dns::flag::kTc));
    CHECK(cut.answer.size() < 60);
    CHECK(cut.answer == first.answer);
    CHECK(bench.asked() == 1);
}

TEST_CASE("the first answer has each record once, whoever looks at it on its way", "[cache]") {
    for (const std::string plugin : {"loadbalance", "minimal", "header {\n response set ra\n }",
                                     "rewrite ttl exact www.test 60", "dns64", "errors"}) {
        INFO(plugin);
        CacheBench bench;
        ScriptedDns upstream(bench.loop, [](const Asked& asked) {
            return std::vector<Message>{reply_to(asked.wire, 0, {"www.test. 60 IN A 192.0.2.1"},
                                                 {"test. 60 IN NS ns.test."})};
        });
        bench.ResolverBench::open(".:53 {\n " + plugin + "\n cache\n forward . " +
                                  upstream.at().str() + "\n}\n");
        for (int i = 0; i < 2; i++) {
            const auto& got = bench.get("www.test", dns::rr::kA);
            CHECK(got.answer == Lines{"www.test. 60 IN A 192.0.2.1"});
            CHECK(got.authority.size() == (plugin == "minimal" ? 0 : 1));
        }
        CHECK(upstream.asked().size() == 1);
    }
}

TEST_CASE("popular answers are fetched before they end", "[cache]") {
    CacheBench bench;
    bench.open("prefetch 3 1m 20%");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(95s);  // the last half of 20 %: due whatever the spread
    bench.get("www.test", dns::rr::kA);
    bench.get("www.test", dns::rr::kA);
    CHECK(bench.asked() == 1);
    bench.get("www.test", dns::rr::kA);
    bench.get("www.test", dns::rr::kA);  // one fetches, not two
    bench.wait_for(2);
    CHECK(bench.count("coredns_cache_prefetch_total") == 1);
    bench.settle();
    CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 100 IN A 192.0.2.1"});
    CHECK(bench.asked() == 2);
}

TEST_CASE("what is rarely asked for is not prefetched", "[cache]") {
    CacheBench bench;
    bench.open("prefetch 2 10s");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(80s);
    bench.get("www.test", dns::rr::kA);
    bench.pass(15s);  // a gap
    bench.get("www.test", dns::rr::kA);
    bench.settle();
    CHECK(bench.asked() == 1);
}

TEST_CASE("stale answers: at once, while they are fetched anew", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h immediate");
    bench.flags = dns::flag::kAa;
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(200s);
    const auto& stale = bench.get("www.test", dns::rr::kA);
    CHECK(stale.answer == Lines{"www.test. 30 IN A 192.0.2.1"});
    CHECK(stale.info_code == dns::ede::kStaleAnswer);
    CHECK_FALSE(stale.header.has(dns::flag::kAa));
    bench.wait_for(2);
    bench.settle();
    const auto& fresh = bench.get("www.test", dns::rr::kA);
    CHECK(fresh.answer == Lines{"www.test. 100 IN A 192.0.2.1"});
    CHECK(fresh.info_code == -1);
    CHECK(bench.asked() == 2);
    CHECK(bench.count("coredns_cache_served_stale_total") == 1);
}

TEST_CASE("stale answers end", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h\nservfail 0s");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.fails(dns::rcode::kServFail);
    bench.pass(100s + 1h - 1s);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "NOERROR");
    bench.settle();
    bench.pass(1s);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "SERVFAIL");
}

TEST_CASE("a fetch that failed is not tried again for a while", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.fails(dns::rcode::kServFail);
    bench.pass(200s);
    bench.get("www.test", dns::rr::kA);
    bench.wait_for(2);
    bench.settle();
    bench.pass(20s);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "NOERROR");
    bench.settle();
    CHECK(bench.asked() == 2);
    bench.pass(10s);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "NOERROR");
    bench.wait_for(3);
}

TEST_CASE("stale answers are verified first", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h verify");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(200s);
    bench.records = {"www.test. 100 IN A 192.0.2.2"};
    const auto& fresh = bench.get("wWw.test", dns::rr::kA);
    CHECK(fresh.answer == Lines{"wWw.test. 100 IN A 192.0.2.2"});
    CHECK(fresh.info_code == -1);

    bench.pass(200s);
    bench.fails(dns::rcode::kServFail);
    const auto& stale = bench.get("www.test", dns::rr::kA);
    CHECK(stale.answer == Lines{"www.test. 30 IN A 192.0.2.2"});
    CHECK(stale.info_code == dns::ede::kStaleAnswer);
    CHECK(bench.asked() == 3);
}

TEST_CASE("a client does not wait long for a server that is silent", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h verify");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(200s);
    bench.silent();
    CHECK(bench.get("www.test", dns::rr::kA).info_code == dns::ede::kStaleAnswer);
    bench.close();  // with the fetch still on its way
}

TEST_CASE("what stale answers are like is up to the Corefile", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h verify 10ms 7s 2m");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(200s);
    bench.silent();  // as long as forward asks: the client has its answer before that
    CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 7 IN A 192.0.2.1"});
    CHECK(bench.runner.in_flight() == 1);
    bench.fails(dns::rcode::kServFail);
    bench.settle();
    const auto asked = bench.asked();
    bench.pass(119s);
    bench.get("www.test", dns::rr::kA);
    CHECK(bench.asked() == asked);
    bench.pass(1s);
    bench.get("www.test", dns::rr::kA);
    bench.settle();
    CHECK(bench.asked() > asked);
}

TEST_CASE("prefer_positive: a stale answer outdoes a fresh denial", "[cache]") {
    for (const std::string mode : {"verify", "immediate"}) {
        INFO(mode);
        CacheBench bench;
        bench.open("serve_stale 1h " + mode + "\nserve_stale_policy prefer_positive");
        bench.records = {"www.test. 100 IN CNAME web.test.", "web.test. 100 IN A 192.0.2.1"};
        bench.get("www.test", dns::rr::kA);
        bench.records.clear();
        bench.authority = {"test. 300 IN SOA ns.test. hm.test. 1 60 60 60 60"};
        for (const uint16_t rcode : {dns::rcode::kNxDomain, dns::rcode::kNoError}) {
            bench.flags = static_cast<uint16_t>(dns::flag::kRa | rcode);
            bench.pass(200s);
            for (int i = 0; i < 2; i++) {
                const auto& stale = bench.get("www.test", dns::rr::kA);
                CHECK(stale.answer.size() == 2);
                CHECK(stale.info_code == dns::ede::kStaleAnswer);
                bench.settle();
            }
        }
        CHECK(bench.asked() == 3);  // not for each client
        // An alias to nothing is no answer either.
        bench.records = {"www.test. 100 IN CNAME gone.test."};
        bench.pass(200s);
        CHECK(bench.get("www.test", dns::rr::kA).answer.size() == 2);
        bench.settle();
        CHECK(bench.asked() == 4);
        // A new answer is.
        bench.records = {"www.test. 100 IN A 192.0.2.2"};
        bench.authority.clear();
        bench.pass(200s);
        bench.get("www.test", dns::rr::kA);
        bench.settle();
        CHECK(bench.get("www.test", dns::rr::kA).answer == Lines{"www.test. 100 IN A 192.0.2.2"});
        // What has been denied for too long is denied.
        bench.records.clear();
        bench.authority = {"test. 300 IN SOA ns.test. hm.test. 1 60 60 60 60"};
        bench.flags = dns::flag::kRa | dns::rcode::kNxDomain;
        bench.pass(100s + 1h);
        CHECK(bench.get("www.test", dns::rr::kA).rcode == "NXDOMAIN");
    }
}

TEST_CASE("without prefer_positive a denial takes the place of an answer", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h verify");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.records.clear();
    bench.authority = {"test. 300 IN SOA ns.test. hm.test. 1 60 60 60 60"};
    bench.flags = dns::flag::kRa | dns::rcode::kNxDomain;
    bench.pass(200s);
    CHECK(bench.get("www.test", dns::rr::kA).rcode == "NXDOMAIN");
}

TEST_CASE("clients that wait when everything is stopped", "[cache]") {
    CacheBench bench;
    bench.open("serve_stale 1h verify");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.pass(200s);
    bench.silent();
    const auto& waits = bench.ask("www.test", dns::rr::kA);
    bench.wait_for(2);
    CHECK_FALSE(waits.done);
    bench.close();
    CHECK(waits.rcode == "SERVFAIL");
}

TEST_CASE("numbers", "[cache]") {
    CacheBench bench;
    bench.open("success 1");
    bench.records = {"www.test. 100 IN A 192.0.2.1"};
    bench.get("www.test", dns::rr::kA);
    bench.get("www.test", dns::rr::kA);
    CHECK(bench.count("coredns_cache_requests_total") == 2);
    CHECK(bench.count("coredns_cache_misses_total") == 1);
    CHECK(bench.count("coredns_cache_hits_total", "success") == 1);
    CHECK(bench.count("coredns_cache_entries", "success") == 1);
    bench.records = {"x.test. 100 IN A 192.0.2.1"};
    bench.get("x.test", dns::rr::kA);
    CHECK(bench.count("coredns_cache_evictions_total", "success") == 1);
}

TEST_CASE("what is no answer to the question is not kept, and counted", "[cache]") {
    CacheBench bench;
    bench.ResolverBench::open(
        ".:53 {\n cache\n template IN A {\n answer \"x.test. 60 IN A 192.0.2.1\"\n }\n}\n");
    bench.get("y.test", dns::rr::kA);
    CHECK(bench.count("coredns_cache_drops_total") == 1);
    CHECK(bench.count("coredns_cache_entries", "success") == 0);
}

TEST_CASE("Corefiles that are refused", "[cache]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"cache abc", "\"abc\" is no TTL in seconds; if it is a zone, write \"abc.\""},
        {"cache 0", "cache TTL can not be zero"},
        {"cache\ncache", "this plugin can only be used once per Server Block"},
        {"cache {\nsucess 10\n}", "unknown property 'sucess'"},
        {"cache {\nsuccess\n}", "Wrong argument count"},
        {"cache {\nsuccess many\n}", "the capacity must be a whole number"},
        {"cache {\nsuccess 10 0\n}", "the TTL must be a whole number from 1"},
        {"cache {\nsuccess 10 5 6\n}", "the least TTL (6) is above the TTL (5)"},
        {"cache {\nsuccess 10 5 4 3\n}", "Wrong argument count"},
        {"cache {\nprefetch 10 1m 10\n}", "last character of percentage should be `%`"},
        {"cache {\nprefetch 10 1m 5%\n}", "percentage should fall in range [10, 90]"},
        {"cache {\nprefetch 10 0s\n}", "must be more than 0"},
        {"cache {\nserve_stale 1h later\n}", "invalid value for serve_stale refresh mode"},
        {"cache {\nserve_stale 1h verify 2m\n}", "serve_stale's timeout must be from 0s to 1m"},
        {"cache {\nserve_stale 1h verify 1s 25h\n}", "serve_stale's TTL must be from 0s to 24h"},
        {"cache {\nserve_stale 1h immediate 1s 6m\n}", "recheck time must be from 0s to 5m"},
        {"cache {\nserve_stale 1h immediate 1s 1s 1s\n}", "Wrong argument count"},
        {"cache {\nserve_stale_policy newest\n}", "unknown serve_stale_policy: newest"},
        {"cache {\nserve_stale_policy\n}", "Wrong argument count"},
        {"cache {\nservfail 6m\n}", "caching SERVFAIL responses over 5 minutes"},
        {"cache {\ndisable everything\n}", "cannot disable everything"},
        {"cache {\nmemory 10X\n}", "\"10X\" is no size"},
        {"cache {\nmemory\n}", "Wrong argument count"},
    };
    for (const auto& [line, why] : cases) {
        INFO(line);
        CHECK_THAT(refusal(".:53 {\n" + line + "\nwhoami\n}\n"), Catch::Contains(why));
    }
    CHECK(refusal(".:53 {\ncache 30 lan. {\nmemory 4M\n}\nwhoami\n}\n").empty());
}

TEST_CASE("who may not ask gets nothing from the cache", "[cache]") {
    CacheBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) {
        return std::vector<Message>{
            reply_to(asked.wire, dns::flag::kRa, {"www.test. 100 IN A 192.0.2.1"})};
    });
    const auto to = upstream.at().str();
    const auto allowed = bench.client;
    const auto stranger = *net::Ip::parse("198.51.100.1");
    // The order in the Corefile does not matter.
    for (const std::string action : {"block", "filter", "drop"}) {
        INFO(action);
        bench.ResolverBench::open(".:53 {\n cache {\n  serve_stale\n }\n forward . " + to +
                                  "\n acl {\n  allow net 192.0.2.0/24\n  " + action + "\n }\n}\n");
        bench.client = allowed;
        const auto before = upstream.asked().size();
        CHECK(bench.get("www.test", dns::rr::kA).answer.size() == 1);
        CHECK(bench.get("www.test", dns::rr::kA).answer.size() == 1);
        CHECK(upstream.asked().size() == before + 1);
        bench.client = stranger;
        std::optional<Query::Outcome> outcome;
        bench.seen = [&](Query& q) { outcome = q.outcome(); };
        const auto& refused = bench.get("www.test", dns::rr::kA);
        CHECK(refused.answer.empty());
        CHECK((outcome == Query::Outcome::dropped) == (action == "drop"));
        if (action != "drop") {
            CHECK(refused.rcode == (action == "block" ? "REFUSED" : "NOERROR"));
        }
        bench.seen = {};
        // Nor does the refusal get into it.
        bench.client = allowed;
        CHECK(bench.get("www.test", dns::rr::kA).answer.size() == 1);
        CHECK(upstream.asked().size() == before + 1);
    }
}

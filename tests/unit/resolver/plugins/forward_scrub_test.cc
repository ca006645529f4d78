// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin forward: what is taken out of answers before anybody sees them.
#include "resolver/plugins/forward/scrub.h"

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::test;
using resolver::Reply;
using resolver::forward::drop_private;

namespace {

using Lines = std::vector<std::string>;

/// A server that answers the same to everything.
struct Says {
    Lines answer, authority = {}, additional = {};
    std::vector<Message> operator()(const Asked& asked) const {
        return {reply_to(asked.wire, dns::flag::kRa, answer, authority, additional)};
    }
};

/// Plugin forward for `zone` in front of it, and what it makes of the answer.
struct Bench : ResolverBench {
    Bench(Says says, const std::string& zone = ".", const std::string& options = "")
        : upstream(loop, std::move(says)) {
        open(fmt::format(". {{\n forward {} {} {{\n {}\n }}\n}}\n", zone, upstream.at().str(),
                         options));
    }
    std::string metrics() { return runner.active()->config->metrics->text(); }
    ScriptedDns upstream;
};

std::string dropped(const std::string& why, unsigned count) {
    return fmt::format("coredns_forward_dropped_records_total{{reason=\"{}\"}} {}\n", why, count);
}

/// Records in the sections of a reply.
struct Records {
    std::vector<dns::Record> kept;
    Reply reply;
    explicit Records(const Lines& lines) {
        for (const auto& line : lines) {
            auto record = dns::parse_record(line);
            if (!record) FAIL(record.error().text);
            kept.push_back(std::move(*record));
        }
        for (const auto& one : kept) {
            reply.answer.push_back({one.owner.wire(), one.type, one.klass, one.ttl, one.rdata});
        }
    }
};

}  // namespace

TEST_CASE("answers: only the name asked for and where its aliases lead", "[forward][scrub]") {
    Bench bench({{"bank.example. 60 IN A 192.0.2.66", "b.test. 60 IN CNAME c.other.",
                  "WWW.a.test. 60 IN CNAME b.test.", "c.other. 60 IN A 192.0.2.1",
                  "c.other. 60 IN A 192.0.2.2", "d.other. 60 IN A 192.0.2.66",
                  "c.other. 60 CH TXT \"not of this class\""}});
    const auto& got = bench.get("www.a.test", dns::rr::kA);
    CHECK(got.answer == Lines{"b.test. 60 IN CNAME c.other.", "www.a.test. 60 IN CNAME b.test.",
                              "c.other. 60 IN A 192.0.2.1", "c.other. 60 IN A 192.0.2.2"});
    CHECK_THAT(bench.metrics(), Catch::Contains(dropped("foreign", 3)));
}

TEST_CASE("answers: a DNAME above the name, signatures, aliases in circles", "[forward][scrub]") {
    const std::string signature =
        " 60 IN RRSIG DNAME 13 1 60 20300101000000 20200101000000 1 test. AAAA";
    Bench bench({{"a.test. 60 IN DNAME b.example.", "a.test." + signature,
                  "www.a.test. 60 IN CNAME www.b.example.", "www.b.example. 60 IN A 192.0.2.1",
                  "x.test. 60 IN DNAME b.example."}});
    CHECK(bench.get("www.a.test", dns::rr::kA).answer.size() == 4);
    bench.upstream.script(Says{{"a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test."}});
    CHECK(bench.get("a.test", dns::rr::kA).answer.size() == 2);
}

TEST_CASE("authority: zones that hold the name, and proofs", "[forward][scrub]") {
    const std::string soa = " 60 IN SOA ns.test. host.test. 1 60 60 60 60";
    const Lines proofs = {
        "0.test. 60 IN NSEC z.test. A RRSIG NSEC",
        "0.test. 60 IN RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 test. AAAA"};
    Bench bench(
        {{},
         {"test." + soa, "example." + soa, proofs[0], proofs[1], "com. 60 IN NS ns.evil.example.",
          "a.test. 60 IN NS ns.a.test.", "a.test. 60 IN A 192.0.2.66"}});
    const auto& kept = bench.get("www.a.test", dns::rr::kA).authority;
    REQUIRE(kept.size() == 4);
    CHECK(kept.front() == "test." + soa);
    CHECK(kept.back() == "a.test. 60 IN NS ns.a.test.");
    CHECK_THAT(bench.metrics(), Catch::Contains(dropped("foreign", 3)));
}

TEST_CASE("a server of one zone does not speak for those above and beside it", "[forward][scrub]") {
    const std::string soa = "example. 60 IN SOA ns.example. host.example. 1 60 60 60 60";
    Bench bench(
        {{"www.corp.example. 60 IN CNAME app.cloud.example.",
          "app.cloud.example. 60 IN A 192.0.2.7"},
         {soa, "example. 60 IN NS ns.corp.example.", "corp.example. 60 IN NS ns.corp.example.",
          "corp.example. 60 IN NS ns.other.example."},
         {"ns.corp.example. 60 IN A 192.0.2.1", "ns.other.example. 60 IN A 192.0.2.66"}},
        "corp.example");
    const auto& got = bench.get("www.corp.example", dns::rr::kA);
    CHECK(got.answer.size() == 2);  // what its own name leads to is its own to say
    CHECK(got.authority == Lines{soa, "corp.example. 60 IN NS ns.corp.example.",
                                 "corp.example. 60 IN NS ns.other.example."});
    CHECK(got.additional == Lines{"ns.corp.example. 60 IN A 192.0.2.1"});
}

TEST_CASE("additional: names that the others mention", "[forward][scrub]") {
    Bench bench({{"_http._tcp.test. 60 IN PTR one._http._tcp.test."},
                 {},
                 {"one._http._tcp.test. 60 IN SRV 0 0 80 web.test.",
                  "one._http._tcp.test. 60 IN TXT \"path=/\"", "web.test. 60 IN A 192.0.2.1",
                  "bank.example. 60 IN A 192.0.2.66"}});
    CHECK(bench.get("_http._tcp.test", dns::rr::kPtr).additional.size() == 3);
    bench.upstream.script(Says{{"test. 60 IN MX 10 mail.test."},
                               {},
                               {"mail.test. 60 IN A 192.0.2.1", "test. 60 IN AAAA 2001:db8::1",
                                "bank.example. 60 IN A 192.0.2.66"}});
    CHECK(bench.get("test", dns::rr::kAny).additional.size() == 2);
}

TEST_CASE("a zone that is transferred is whole", "[forward][scrub]") {
    const std::string soa = "test. 60 IN SOA ns.test. host.test. 1 60 60 60 60";
    Bench bench({{soa, "www.test. 60 IN A 192.0.2.1", "bank.example. 60 IN A 192.0.2.66", soa}});
    CHECK(bench.get("test", dns::rr::kAxfr).answer.size() == 3);
}

TEST_CASE("a cache does not keep what nobody asked for", "[forward][scrub]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) -> std::vector<Message> {
        if (asked.question.name != *dns::Name::parse("a.test")) {
            return {reply_to(asked.wire, 0, {"bank.example. 60 IN A 192.0.2.1"})};
        }
        return {reply_to(asked.wire, 0, {"a.test. 60 IN A 192.0.2.1"}, {},
                         {"bank.example. 60 IN A 192.0.2.66"})};
    });
    bench.open(fmt::format(". {{\n cache\n forward . {}\n}}\n", upstream.at().str()));
    for (int i = 0; i < 2; i++) CHECK(bench.get("a.test", dns::rr::kA).additional.empty());
    CHECK(bench.get("bank.example", dns::rr::kA).answer ==
          Lines{"bank.example. 60 IN A 192.0.2.1"});
}

TEST_CASE("private addresses are found in all records that have some", "[forward][scrub]") {
    const std::string name = "a.test. 60 IN ";
    const Lines inside = {"A 10.1.2.3",  "A 172.31.0.1", "A 192.168.1.1", "A 169.254.169.254",
                          "A 127.0.0.1", "A 0.0.0.0",    "A 100.64.0.1",  "AAAA ::1",
                          "AAAA ::",     "AAAA fd00::1", "AAAA fe80::1",  "AAAA ::ffff:192.0.2.1"};
    for (const auto& one : inside) {
        INFO(one);
        Records records({name + one});
        CHECK(drop_private(records.reply) == 1);
        CHECK(records.reply.answer.empty());
    }
    Records fine({name + "A 192.0.2.1", name + "A 172.32.0.1", name + "AAAA 2001:db8::1",
                  name + "TXT \"10.1.2.3\""});
    CHECK(drop_private(fine.reply) == 0);
    CHECK(fine.reply.answer.size() == 4);
}

TEST_CASE("private addresses in the hints of HTTPS and SVCB", "[forward][scrub]") {
    // priority 1, the root, alpn=h2, then hints
    const auto hints = [](uint16_t key, const std::string& ip) {
        Message data = {0, 1, 0, 0, 1, 0, 3, 2, 'h', '2', 0, static_cast<uint8_t>(key)};
        const auto address = *net::Ip::parse(ip);
        data.insert(data.end(), {0, static_cast<uint8_t>(address.size())});
        data.insert(data.end(), address.bytes().begin(), address.bytes().end());
        return data;
    };
    const auto name = *dns::Name::parse("a.test");
    const auto drops = [&](const Message& data, uint16_t type) {
        Reply reply;
        reply.answer.push_back({name.wire(), type, dns::klass::kIn, 60, data});
        return drop_private(reply);
    };
    for (const auto type : {dns::rr::kSvcb, dns::rr::kHttps}) {
        CHECK(drops(hints(4, "192.168.1.1"), type) == 1);
        CHECK(drops(hints(6, "fd00::1"), type) == 1);
        CHECK(drops(hints(4, "192.0.2.1"), type) == 0);
        CHECK(drops(hints(6, "2001:db8::1"), type) == 0);
    }
    auto cut = hints(4, "192.168.1.1");
    for (; !cut.empty(); cut.pop_back()) drops(cut, dns::rr::kHttps);  // reads no further
}

TEST_CASE("stop_rebind leaves upstreams in private networks alone", "[forward][scrub]") {
    const Says says{{"nas.test. 60 IN A 192.168.1.5"}};
    Bench bench(says, ".", "stop_rebind");  // an upstream on loopback
    CHECK(bench.get("nas.test", dns::rr::kA).answer.size() == 1);
    CHECK_THAT(bench.metrics(), Catch::Contains(dropped("private_address", 0)));
    CHECK_THAT(refusal(". {\n forward . 192.0.2.1 {\n stop_rebind a..b\n }\n}\n"),
               Catch::Contains("Corefile:3"));
    CHECK(refusal(". {\n forward . 192.0.2.1 {\n stop_rebind lan. home.example\n }\n}\n").empty());
}

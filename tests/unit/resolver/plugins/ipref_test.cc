// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/resolver/plugins/ipref_bench.h"

using namespace ipref;
using namespace ipref::test;
using dns::rr::kA;
using dns::rr::kAaaa;
using dns::rr::kTxt;

namespace {

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an AA record is answered with the encoded address", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["web.test. TXT"] = {"web.test. 60 IN TXT \"AA 198.51.100.1 + 11\""};
    bench.serve_with("");
    const auto& got = bench.get("WEB.test", kA);
    CHECK(got.rcode == "NOERROR");
    CHECK(got.answer == Lines{"WEB.test. 60 IN A 10.240.0.11"});
    CHECK(got.header.has(dns::flag::kRa));
    CHECK_FALSE(got.header.has(dns::flag::kAa));
    const auto& asked = bench.upstream.asked().front();
    CHECK(asked.header.has(dns::flag::kRd));
    CHECK_FALSE(asked.header.has(dns::flag::kAd));
    dns::MessageReader reader(asked.wire);
    const auto opt = reader.record();
    REQUIRE(opt);
    CHECK(dns::Edns::from(*opt).udp_size == 1232);
}

TEST_CASE("several strings and records, each address once, one TTL", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {
        "a.test. 90 IN TXT \"AA 198.51.100.1 + 1\" \"v=spf1 -all\" \"AA 198.51.100.2 + 2\"",
        "a.test. 30 IN TXT \"AA 198.51.100.1 + 1\" \"AA oops\" \"AA 198.51.100.1 + 13\"",
        "a.test. 60 IN TXT \"AA 2001:db8::1 + 3\""};
    bench.serve_with("");
    CHECK(bench.get("a.test", kA).answer ==
          Lines{"a.test. 30 IN A 10.240.0.1", "a.test. 30 IN A 10.240.0.2"});
}

TEST_CASE("the TTL is capped by the mapping's lifetime and by option ttl", "[ipref]") {
    for (const auto& [option, lifetime, ttl] : std::vector<std::tuple<Lines, uint32_t, int>>{
             {{""}, 100, 100}, {{"ttl 50"}, 100, 50}, {{"ttl 5m"}, 1000, 300}, {{"ttl 0"}, 9, 0}}) {
        INFO(option.front());
        IprefBench bench;
        bench.with_gateway();
        bench.lifetime = lifetime;
        bench.records["a.test. TXT"] = {"a.test. 600 IN CNAME b.test.",
                                        "b.test. 604800 IN TXT \"AA 198.51.100.1 + 1\""};
        bench.serve_with(option.front());
        const auto& got = bench.get("a.test", kA);
        REQUIRE(got.answer.size() == 2);
        CHECK(got.answer[0] ==
              fmt::format("a.test. {} IN CNAME b.test.", option.front().empty() ? 600 : ttl));
        CHECK(got.answer[1] == fmt::format("b.test. {} IN A 10.240.0.1", ttl));
    }
}

TEST_CASE("aliases on the way are in the answer", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"b.test. 20 IN CNAME c.test.",
                                    "c.test. 30 IN TXT \"AA 198.51.100.1 + 1\"",
                                    "a.test. 10 IN CNAME b.test."};
    bench.serve_with("");
    CHECK(bench.get("A.test", kA).answer == Lines{"A.test. 10 IN CNAME b.test.",
                                                  "b.test. 20 IN CNAME c.test.",
                                                  "c.test. 30 IN A 10.240.0.1"});
    CHECK(bench.get("a.test", kAaaa).answer ==
          Lines{"a.test. 10 IN CNAME b.test.", "b.test. 20 IN CNAME c.test."});
}

TEST_CASE("the other family is NODATA, without the mapper and the next plugin", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("", "whoami");
    const auto& got = bench.get("a.test", kAaaa);
    CHECK(got.rcode == "NOERROR");
    CHECK(got.answer.empty());
    CHECK(got.additional.empty());
    CHECK(bench.encoded == 0);

    IprefBench six;
    six.with_gateway();
    six.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 2001:db8::1 + 1\" \"AA 192.0.2.1 + 2\""};
    six.serve_with("ea-ipver 6\ngw-ipver 6");
    CHECK(six.get("a.test", kAaaa).answer == Lines{"a.test. 60 IN AAAA fd00:240::1"});
    CHECK(six.encoded == 1);
    CHECK(six.get("a.test", kA).answer.empty());
    CHECK(six.get("a.test", kA).rcode == "NOERROR");
}

TEST_CASE("what goes to the next plugin", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    const Lines aa = {"x. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.records["plain.test. TXT"] = {"plain.test. 60 IN TXT \"v=spf1\" \"AA is no record\""};
    bench.records["foreign.test. TXT"] = {"other.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.records["empty.test. TXT"] = {};
    bench.serve(
        ".:53 {\n ipref test {\n except out.test\n upstream UP\n mapper MAPPER\n }\n"
        " whoami\n}\n");
    for (const auto* name : {"plain.test", "foreign.test", "empty.test", "nx.test", "x.out.test",
                             "elsewhere.example"}) {
        INFO(name);
        const auto& got = bench.get(name, kA);
        CHECK(got.answer.empty());
        CHECK_FALSE(got.additional.empty());  // whoami's
    }
    CHECK_FALSE(bench.get("web.test", kTxt).additional.empty());
    CHECK(bench.upstream.asked().size() == 4);
    CHECK(bench.encoded == 0);

    IprefBench alone;
    alone.serve_with("");
    const auto& got = alone.get("nx.test", kA);
    CHECK(got.rcode == "SERVFAIL");
    CHECK(got.error == "plugin/ipref: no next plugin found");
}

TEST_CASE("names of gateways are looked up", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {
        "a.test. 600 IN TXT \"AA gw.test + 1\" \"AA GW.test + 2\" \"AA 198.51.100.7 + 1\"",
        "a.test. 600 IN TXT \"AA gone.test + 3\""};
    bench.records["gw.test. A"] = {"gw.test. 90 IN CNAME real.test.",
                                   "real.test. 300 IN A 198.51.100.7"};
    bench.serve_with("");
    CHECK(bench.get("a.test", kA).answer ==
          Lines{"a.test. 90 IN A 10.240.0.1", "a.test. 90 IN A 10.240.0.2"});
    CHECK(bench.asked(kA) == 2);  // gw.test once, gone.test once
    CHECK(bench.encoded == 2);

    bench.records["b.test. TXT"] = {"b.test. 60 IN TXT \"AA gone.test + 3\""};
    const auto& gone = bench.get("b.test", kA);
    CHECK(gone.rcode == "SERVFAIL");
    CHECK(gone.info_code == dns::ede::kInvalidData);
    CHECK(gone.info == "gateway gone.test.: no address of the family wanted");

    // Nobody says how long it is gone: it is looked for with each query, and found.
    bench.records["gone.test. A"] = {"gone.test. 300 IN A 198.51.100.8"};
    CHECK(bench.get("a.test", kA).answer.size() == 3);
}

TEST_CASE("addresses that no gateway can have are never mapped", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.serve_with("", "whoami");
    for (const auto* gw : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.1.1",
                           "10.240.0.5", "2001:db8::1"}) {
        INFO(gw);
        bench.records["a.test. TXT"] = {fmt::format("a.test. 60 IN TXT \"AA {} + 1\"", gw)};
        const auto& got = bench.get("a.test", kA);
        CHECK(got.rcode == "SERVFAIL");
        CHECK(got.info_code == dns::ede::kInvalidData);
        CHECK(got.info.find(gw) != std::string::npos);
        CHECK(got.error == "plugin/ipref: " + got.info);
    }
    CHECK(bench.encoded == 0);
}

TEST_CASE("the mapper is absent, silent, or refuses: SERVFAIL that says why", "[ipref]") {
    const Lines aa = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    IprefBench absent;
    absent.records["a.test. TXT"] = aa;
    absent.serve_with("", "whoami");
    for (int i = 0; i < 2; i++) {
        const auto& got = absent.get("a.test", kA);
        CHECK(got.rcode == "SERVFAIL");
        CHECK(got.info_code == dns::ede::kNotReady);
        CHECK(got.info.starts_with("no mapping of 198.51.100.1 + 1: "));
        CHECK(got.additional.empty());
    }

    IprefBench silent;
    silent.with_gateway();
    silent.silent = true;
    silent.records["a.test. TXT"] = aa;
    silent.serve_with("", "whoami");
    const auto& late = silent.get("a.test", kA);
    CHECK(late.rcode == "SERVFAIL");
    CHECK(late.info_code == dns::ede::kNotReady);

    IprefBench refusing;
    refusing.with_gateway();
    refusing.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 13\""};
    refusing.serve_with("", "whoami");
    const auto& refused = refusing.get("a.test", kA);
    CHECK(refused.rcode == "SERVFAIL");
    CHECK(refused.info == "no mapping of 198.51.100.1 + 13: too many for this gateway");
}

TEST_CASE("the mapper that comes later is found", "[ipref]") {
    IprefBench bench;
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("");
    CHECK(bench.get("a.test", kA).rcode == "SERVFAIL");
    bench.with_gateway();
    run_until(bench.loop, [&] { return bench.gateway->records.size() == 1; });
    CHECK(bench.get("a.test", kA).answer.size() == 1);
}

TEST_CASE("identical look-ups in flight are made once", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA gw.test + 1\""};
    bench.records["gw.test. A"] = {"gw.test. 300 IN A 198.51.100.7"};
    bench.serve_with("");
    std::vector<const Answered*> all;
    for (int i = 0; i < 5; i++) all.push_back(&bench.ask(i % 2 == 0 ? "a.test" : "A.TEST", kA));
    run_until(bench.loop, [&] {
        return std::all_of(all.begin(), all.end(), [](const auto* one) { return one->done; });
    });
    CHECK(all[0]->answer == Lines{"a.test. 60 IN A 10.240.0.1"});
    CHECK(all[1]->answer == Lines{"A.TEST. 60 IN A 10.240.0.1"});
    CHECK(bench.asked(kTxt) == 1);
    CHECK(bench.asked(kA) == 1);
    CHECK(bench.encoded == 1);
}

TEST_CASE("addresses needed together are asked for together", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    std::string text;
    for (int i = 1; i <= 20; i++) text += fmt::format(" \"AA 198.51.100.1 + {}\"", 20 + i);
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT" + text};
    bench.records["b.test. TXT"] = {"b.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("");
    CHECK(bench.get("b.test", kA).answer.size() == 1);
    const auto records = bench.gateway->records.size();
    CHECK(bench.get("a.test", kA).answer.size() == 20);
    CHECK(bench.encoded == 21);
    CHECK(bench.gateway->records.size() == records + 1);
}

TEST_CASE("encoded addresses are kept until the gateway drops them", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("");
    bench.get("a.test", kA);
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    CHECK(bench.encoded == 1);
    const auto drop = [&](uint64_t ref) {
        proto::Frame push;
        wire::put_ipref({*net::Ip::parse("198.51.100.1"), {0, ref}},
                        *push.mutable_mappings_changed()->add_dropped());
        bench.gateway->send(push);
        bench.get("b.test", kA);  // the push is read before this is answered
    };
    drop(2);
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    CHECK(bench.encoded == 1);
    drop(1);
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    CHECK(bench.encoded == 2);
    // A gateway that has restarted cannot say what it dropped.
    bench.gateway.reset();
    bench.with_gateway();
    run_until(bench.loop, [&] { return !bench.gateway->records.empty(); });
    for (int i = 0; i < 100 && bench.encoded < 3; i++) bench.get("a.test", kA);
    CHECK(bench.encoded == 3);
}

TEST_CASE("a known answer is made without upstream and mapper, by both spellings", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN CNAME b.test.",
                                    "b.test. 90 IN TXT \"AA gw.test + 1\""};
    bench.records["gw.test. A"] = {"gw.test. 300 IN A 198.51.100.7"};
    bench.records["plain.test. TXT"] = {"plain.test. 60 IN TXT \"v=spf1\""};
    bench.records["now.test. TXT"] = {"now.test. 0 IN TXT \"AA 198.51.100.7 + 1\""};
    bench.serve_with("", "whoami");
    const auto first = bench.get("a.test", kA).answer;
    CHECK(first == Lines{"a.test. 60 IN CNAME b.test.", "b.test. 90 IN A 10.240.0.1"});
    bench.get("a.test", kAaaa);
    bench.get("plain.test", kA);
    bench.records.clear();
    bench.silent = true;
    const auto asked = bench.upstream.asked().size();
    CHECK(bench.get("A.Test", kA).answer.size() == 2);
    CHECK(bench.get("A.Test", kA).answer[0].starts_with("A.Test. "));
    CHECK(bench.get("a.test", kAaaa).answer.size() == 1);
    CHECK(bench.get("plain.test", kA).additional.size() == 2);  // of whoami
    CHECK(bench.upstream.asked().size() == asked);
    CHECK(bench.encoded == 1);
    // What says that it must not be kept is not.
    bench.get("now.test", kA);
    bench.get("now.test", kA);
    CHECK(bench.upstream.asked().size() == asked + 2);
}

TEST_CASE("with V1 the gateway is asked each time", "[ipref]") {
    IprefBench bench;
    bench.with_v1_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("");
    for (int i = 1; i <= 2; i++) {  // the first waits for the fallback from protobuf
        CHECK(bench.get("a.test", kA).answer == Lines{"a.test. 60 IN A 10.240.0.1"});
        CHECK(bench.encoded == i);
    }
}

TEST_CASE("upstreams are asked in turn", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    ScriptedDns refusing(bench.loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, dns::rcode::kRefused, {})};
    });
    bench.serve_with("upstream " + refusing.at().str());
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    CHECK(refusing.asked().empty());  // the first one answered

    IprefBench other;
    other.with_gateway();
    other.records = bench.records;
    ScriptedDns failing(other.loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, dns::rcode::kServFail, {})};
    });
    other.serve(".:53 {\n ipref {\n upstream " + nobody().str() + "\n upstream " +
                failing.at().str() + "\n upstream UP\n mapper MAPPER\n }\n}\n");
    CHECK(other.get("a.test", kA).answer.size() == 1);
    CHECK(failing.asked().size() == 1);
}

TEST_CASE("a look-up that fails is not taken for one that found nothing", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.serve_with("", "whoami");
    for (const uint16_t rcode :
         {dns::rcode::kServFail, dns::rcode::kRefused, dns::rcode::kNotImp}) {
        bench.instead = [rcode](const Asked& asked) {
            return std::vector<Message>{reply_to(asked.wire, rcode, {})};
        };
        const auto& got = bench.get(fmt::format("a{}.test", rcode), kA);
        CHECK(got.rcode == "SERVFAIL");
        CHECK(got.additional.empty());
        CHECK(got.info_code == dns::ede::kNoReachableAuthority);
        CHECK(got.info == fmt::format("TXT look-up failed: upstream {}: {}",
                                      bench.upstream.at().str(), dns::rcode_text(rcode)));
    }
    CHECK(bench.upstream.asked().size() == 3);
}

TEST_CASE("a cut answer is asked for over TCP; EDNS is left out where it is not known", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.instead = [](const Asked& asked) -> std::optional<std::vector<Message>> {
        if (asked.header.additionals > 0) {
            return std::vector<Message>{reply_to(asked.wire, dns::rcode::kFormErr, {})};
        }
        if (!asked.tcp) return std::vector<Message>{reply_to(asked.wire, dns::flag::kTc, {})};
        return std::nullopt;
    };
    bench.serve_with("");
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    REQUIRE(bench.upstream.asked().size() == 3);
    CHECK(bench.upstream.asked().back().tcp);
}

TEST_CASE("option dnssec takes only what the upstream vouches for", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA gw.test + 1\""};
    bench.records["b.test. TXT"] = {"b.test. 60 IN TXT \"AA gw.test + 1\""};
    bench.records["gw.test. A"] = {"gw.test. 300 IN A 198.51.100.7"};
    bench.serve_with("dnssec", "whoami");
    const auto& doubtful = bench.get("a.test", kA);
    CHECK(doubtful.rcode == "SERVFAIL");
    CHECK(doubtful.info_code == dns::ede::kDnssecIndeterminate);
    CHECK(bench.upstream.asked().front().header.has(dns::flag::kAd));
    bench.flags = dns::flag::kAd;
    CHECK(bench.get("a.test", kA).answer.size() == 1);
    bench.instead = [](const Asked& asked) -> std::optional<std::vector<Message>> {
        if (asked.question.type == kTxt) return std::nullopt;
        return std::vector<Message>{reply_to(asked.wire, 0, {"gw.test. 300 IN A 198.51.100.7"})};
    };
    CHECK(bench.get("b.test", kA).info ==
          "gateway gw.test.: the upstream does not vouch for its address");
}

TEST_CASE("what one answer can make us do is bounded", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    auto& many = bench.records["a.test. TXT"];
    for (int i = 0; i < 500; i++) {
        many.push_back(fmt::format("a.test. 60 IN TXT \"AA 198.51.100.1 + {}\"", i + 100));
    }
    auto& names = bench.records["b.test. TXT"];
    for (int i = 0; i < 100; i++) {
        names.push_back(fmt::format("b.test. 60 IN TXT \"AA gw{}.test + 1\"", i));
    }
    bench.instead = [&](const Asked& asked) -> std::optional<std::vector<Message>> {
        if (asked.tcp || asked.question.type != kTxt) return std::nullopt;
        return std::vector<Message>{reply_to(asked.wire, dns::flag::kTc, {})};
    };
    bench.serve_with("");
    bench.get("a.test", kA);
    CHECK(bench.encoded == 128);
    CHECK(bench.get("b.test", kA).rcode == "SERVFAIL");
    CHECK(bench.asked(kA) == 16);
}

TEST_CASE("queries held by ipref end when the server does", "[ipref]") {
    IprefBench bench;
    bench.instead = [](const Asked&) { return std::vector<Message>{}; };
    bench.serve_with("");
    const auto& held = bench.ask("a.test", kA);
    run_until(bench.loop, [&] { return bench.upstream.asked().size() == 1; });
    bench.close();
    CHECK(held.done);
    CHECK(held.rcode == "SERVFAIL");
}

TEST_CASE("ipref's configuration may go with its last query", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.serve_with("");
    const auto& got = bench.ask("a.test", kA);
    bench.runner.let_go();
    run_until(bench.loop, [&] { return got.done; });
    CHECK(got.answer.size() == 1);
}

TEST_CASE("its answers are counted by server and rcode, others' are not", "[ipref]") {
    IprefBench bench;
    bench.with_gateway();
    bench.records["a.test. TXT"] = {"a.test. 60 IN TXT \"AA 198.51.100.1 + 1\""};
    bench.records["b.test. TXT"] = {"b.test. 60 IN TXT \"AA 127.0.0.1 + 1\""};
    bench.serve_with("", "whoami");
    const auto metrics = [&] { return bench.runner.active()->config->metrics->text(); };
    for (int i = 0; i < 2; i++) bench.get("a.test", kA);  // the second from memory
    bench.get("a.test", kAaaa);
    bench.get("b.test", kA);
    bench.get("nx.test", kA);  // of whoami
    const std::string server = "{server=\"dns://:53\"";
    for (const auto& [name, value] : std::vector<std::pair<std::string, int>>{
             {"response_rcode_count_total" + server + ",rcode=\"NOERROR\"}", 3},
             {"response_rcode_count_total" + server + ",rcode=\"SERVFAIL\"}", 1},
             {"request_duration_seconds_count" + server + "}", 4}}) {
        const auto line = fmt::format("\ncoredns_ipref_{} {}\n", name, value);
        INFO(line);
        CHECK(metrics().find(line) != std::string::npos);
    }
}

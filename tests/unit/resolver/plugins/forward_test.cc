// SPDX-License-Identifier: GPL-2.0-or-later
#include <fstream>
#include <set>

#include "resolver/plugins/forward/exchange.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::test;
using resolver::Proto;
namespace fwd = ipref::resolver::forward;

namespace {

using Messages = std::vector<Message>;

/// Answers every A question with this address.
ScriptedDns::Script says(const std::string& ip) {
    return [ip](const Asked& asked) {
        return Messages{
            reply_to(asked.wire, dns::flag::kRa, {asked.question.name.str() + " 60 IN A " + ip})};
    };
}

ScriptedDns::Script fails_with(uint16_t rcode) {
    return [rcode](const Asked& asked) { return Messages{reply_to(asked.wire, rcode, {})}; };
}

std::string block(const std::string& arguments, const std::string& options = "") {
    return ".:53 {\n forward " + arguments + " {\n" + options + "\n }\n}\n";
}

dns::Edns edns_of(const Asked& asked) {
    dns::MessageReader reader(asked.wire);
    const auto record = reader.record();
    REQUIRE(record);
    return dns::Edns::from(*record);
}

}  // namespace

TEST_CASE("Plugin metadata has the upstream that answered", "[forward]") {
    ResolverBench bench;
    ScriptedDns silent(bench.loop, [](const Asked&) { return std::vector<Message>{}; });
    ScriptedDns good(bench.loop, says("192.0.2.1"));
    bench.open(fmt::format(
        ". {{\n metadata\n forward . {} {} {{\n policy sequential\n read_timeout 50ms\n }}\n}}\n",
        silent.at().str(), good.at().str()));
    std::string upstream;
    bench.seen = [&](resolver::Query& q) { upstream = q.metadata("forward/upstream"); };
    CHECK(bench.get("www.example", dns::rr::kA).rcode == "NOERROR");
    CHECK(upstream == good.at().str());
}

TEST_CASE("a query is asked anew and answered as the upstream did", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, says("192.0.2.1"));
    bench.open(block(". " + upstream.at().str()));
    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({*dns::Name::parse("WWW.example.org"), dns::rr::kA, dns::klass::kIn});
    dns::Edns edns;
    edns.udp_size = 4096;
    edns.dnssec_ok = true;
    std::vector<uint8_t> options;
    dns::append_option(options, dns::option::kCookie, std::vector<uint8_t>(8));
    dns::append_option(options, 65001, std::vector<uint8_t>{7});
    edns.options = options;
    writer.edns(edns);
    const auto query = writer.finish(99, dns::flag::kRd | dns::flag::kCd);
    const auto& got = bench.get({query.begin(), query.end()});
    CHECK(got.rcode == "NOERROR");
    CHECK(got.header.id == 99);
    CHECK(got.header.has(dns::flag::kRa));
    CHECK_FALSE(got.header.has(dns::flag::kAa));
    CHECK(got.question == "WWW.example.org.");
    CHECK(got.answer == std::vector<std::string>{"WWW.example.org. 60 IN A 192.0.2.1"});
    const auto& asked = upstream.asked().front();
    CHECK(asked.header.has(dns::flag::kRd));
    CHECK(asked.header.has(dns::flag::kCd));
    CHECK_FALSE(asked.header.has(dns::flag::kAd));
    const auto passed = edns_of(asked);
    CHECK(passed.udp_size == dns::kEdnsUdpSize);  // EDNS is hop by hop
    CHECK(passed.dnssec_ok);
    CHECK_FALSE(passed.option(dns::option::kCookie));
    CHECK(passed.option(65001));
}

TEST_CASE("what a client takes over UDP is offered, within bounds", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, says("192.0.2.1"));
    bench.open(block(". " + upstream.at().str()));
    const std::vector<std::pair<uint16_t, uint16_t>> cases = {
        {0, 512}, {511, 512}, {512, 512}, {900, 900}, {1232, 1232}, {1233, 1232}, {65535, 1232}};
    for (const auto& [client, offered] : cases) {
        INFO(client);
        std::array<uint8_t, 512> space;
        dns::MessageWriter writer(space);
        writer.question({*dns::Name::parse("a.test"), dns::rr::kA, dns::klass::kIn});
        dns::Edns edns;
        edns.udp_size = client;
        writer.edns(edns);
        const auto query = writer.finish(7, dns::flag::kRd);
        CHECK(bench.get({query.begin(), query.end()}).rcode == "NOERROR");
        CHECK(edns_of(upstream.asked().back()).udp_size == offered);
    }
}

TEST_CASE("a client without EDNS is asked for without", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, says("192.0.2.1"));
    bench.open(block(". " + upstream.at().str()));
    const auto& got = bench.get("a.test", dns::rr::kA, false);
    CHECK_FALSE(got.edns);
    CHECK(upstream.asked().front().header.additionals == 0);
}

TEST_CASE("which transport is used", "[forward]") {
    struct Case {
        std::string options;
        Proto client;
        bool tcp;
    };
    const std::vector<Case> cases = {
        {"", Proto::udp, false},
        {"", Proto::tcp, true},
        {"force_tcp", Proto::udp, true},
        {"prefer_udp", Proto::tcp, false},
        {"force_tcp\nprefer_udp", Proto::udp, true},
    };
    for (const auto& one : cases) {
        INFO(one.options);
        ResolverBench bench;
        ScriptedDns upstream(bench.loop, says("192.0.2.1"));
        bench.open(block(". " + upstream.at().str(), one.options));
        CHECK(bench.get(query_for("a.test", dns::rr::kA), one.client).rcode == "NOERROR");
        CHECK(upstream.asked().front().tcp == one.tcp);
    }
}

TEST_CASE("a cut answer is asked for again over TCP if the client can take more", "[forward]") {
    const auto cuts = [](const Asked& asked) {
        if (!asked.tcp) return Messages{reply_to(asked.wire, dns::flag::kTc, {})};
        return Messages{reply_to(asked.wire, 0, {"a.test. 60 IN A 192.0.2.1"})};
    };
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, cuts);
    bench.open(block(". " + upstream.at().str()));
    const auto& same = bench.get("a.test", dns::rr::kA);  // 1232, as was offered
    CHECK(same.header.has(dns::flag::kTc));
    CHECK(upstream.connections() == 0);

    std::array<uint8_t, 512> space;
    dns::MessageWriter writer(space);
    writer.question({*dns::Name::parse("a.test"), dns::rr::kA, dns::klass::kIn});
    dns::Edns edns;
    edns.udp_size = 4096;
    writer.edns(edns);
    const auto query = writer.finish(5, 0);
    const auto& more = bench.get({query.begin(), query.end()});
    CHECK_FALSE(more.header.has(dns::flag::kTc));
    CHECK(more.answer.size() == 1);

    ResolverBench other;
    ScriptedDns cutting(other.loop, cuts);
    other.open(block(". " + cutting.at().str(), "prefer_udp"));
    CHECK(other.get("a.test", dns::rr::kA).answer.size() == 1);
}

TEST_CASE("the next upstream is asked when one does not answer", "[forward]") {
    ResolverBench bench;
    ScriptedDns good(bench.loop, says("192.0.2.2"));
    ScriptedDns malformed(bench.loop, [](const Asked& asked) {
        auto reply = reply_to(asked.wire, 0, {"a.test. 60 IN A 192.0.2.1"});
        reply.pop_back();
        return Messages{reply};
    });
    bench.open(block(". " + nobody().str() + " " + malformed.at().str() + " " + good.at().str(),
                     "policy sequential"));
    const auto& got = bench.get("a.test", dns::rr::kA);
    CHECK(got.answer == std::vector<std::string>{"a.test. 60 IN A 192.0.2.2"});
    CHECK(malformed.asked().front().question.type == dns::rr::kA);
}

TEST_CASE("an error of an upstream is an answer", "[forward]") {
    for (const uint16_t rcode : {dns::rcode::kServFail, dns::rcode::kRefused, dns::rcode::kNxDomain,
                                 dns::rcode::kFormErr, dns::rcode::kNotImp}) {
        ResolverBench bench;
        ScriptedDns upstream(bench.loop, fails_with(rcode));
        bench.open(block(". " + upstream.at().str()));
        CHECK(bench.get("a.test", dns::rr::kA).rcode == dns::rcode_text(rcode));
        CHECK(upstream.asked().size() == 1);
    }
}

TEST_CASE("nobody answers: SERVFAIL that says why", "[forward]") {
    ResolverBench bench;
    const auto dead = nobody();
    bench.open(block(". " + dead.str()));
    const auto& got = bench.get("a.test", dns::rr::kA);
    CHECK(got.rcode == "SERVFAIL");
    CHECK(got.info_code == dns::ede::kNoReachableAuthority);
    CHECK(got.info == dead.str() + ": Connection refused");
    CHECK(got.error == "plugin/forward: " + got.info);
}

TEST_CASE("extended errors of the upstream are passed on", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) {
        Message space(512);
        dns::MessageWriter writer(space);
        writer.question(asked.question);
        std::vector<uint8_t> options;
        dns::append_extended_error(options, dns::ede::kBlocked, "not here");
        dns::Edns edns;
        edns.options = options;
        writer.edns(edns);
        const auto reply = writer.finish(asked.header.id, dns::flag::kQr | dns::rcode::kNxDomain);
        return Messages{{reply.begin(), reply.end()}};
    });
    bench.open(block(". " + upstream.at().str()));
    const auto& got = bench.get("a.test", dns::rr::kA);
    CHECK(got.rcode == "NXDOMAIN");
    CHECK(got.info_code == dns::ede::kBlocked);
    CHECK(got.info == "not here");
}

TEST_CASE("zones: FROM, except, and other classes", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, says("192.0.2.1"));
    bench.open(".:53 {\n forward example.org " + upstream.at().str() +
               " {\n except sub.example.org example.org\n }\n whoami\n}\n");
    CHECK(bench.get("a.EXAMPLE.org", dns::rr::kA).answer.empty());  // under except: whoami
    CHECK(bench.get("example.org", dns::rr::kA).answer.size() == 1);
    CHECK(bench.get("x.sub.example.org", dns::rr::kA).answer.empty());
    CHECK(bench.get("example.com", dns::rr::kA).answer.empty());
    CHECK(upstream.asked().size() == 1);

    ResolverBench chaos;
    ScriptedDns version(chaos.loop, [](const Asked& asked) {
        CHECK(asked.question.klass == dns::klass::kCh);
        return Messages{reply_to(asked.wire, 0, {"version.bind. 0 CH TXT \"x\""})};
    });
    chaos.open(block(". " + version.at().str()));
    auto query = query_for("version.bind", dns::rr::kTxt);
    query.back() = dns::klass::kCh;
    CHECK(chaos.get(query).answer == std::vector<std::string>{"version.bind. 0 CH TXT \"x\""});
}

TEST_CASE("more queries at a time than max_concurrent are refused", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, says("192.0.2.1"));
    bench.open(block(". " + upstream.at().str(), "max_concurrent 1"));
    const auto& first = bench.ask("a.test", dns::rr::kA);
    const auto& second = bench.ask("b.test", dns::rr::kA);
    CHECK(second.rcode == "REFUSED");
    CHECK(second.error.find("exceeded maximum 1") != std::string::npos);
    run_until(bench.loop, [&] { return first.done; });
    CHECK(first.rcode == "NOERROR");
    CHECK(bench.get("c.test", dns::rr::kA).rcode == "NOERROR");
}

TEST_CASE("next hands answers to the forward behind, and only there", "[forward]") {
    ResolverBench bench;
    ScriptedDns empty(bench.loop, fails_with(dns::rcode::kNxDomain));
    ScriptedDns full(bench.loop, says("192.0.2.2"));
    bench.open(".:53 {\n forward . " + empty.at().str() +
               " {\n next NXDOMAIN REFUSED\n }\n forward . " + full.at().str() +
               " {\n next NOERROR\n }\n whoami\n}\n");
    CHECK(bench.get("a.test", dns::rr::kA).answer.size() == 1);
    CHECK(empty.asked().size() == 1);
    CHECK(full.asked().size() == 1);
}

TEST_CASE("queries that are held end when the server does", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked&) { return Messages{}; });
    bench.open(block(". " + upstream.at().str()));
    const auto& held = bench.ask("a.test", dns::rr::kA);
    run_until(bench.loop, [&] { return upstream.asked().size() == 1; });
    bench.close();
    CHECK(held.done);
    CHECK(held.rcode == "SERVFAIL");
}

TEST_CASE("a configuration that goes with its last query in flight", "[forward]") {
    ResolverBench bench;
    for (const Proto proto : {Proto::udp, Proto::tcp}) {
        bool answer = false;
        ScriptedDns upstream(bench.loop, [&](const Asked& asked) {
            return answer ? says("192.0.2.1")(asked) : Messages{};
        });
        bench.open(block(". " + upstream.at().str()));
        answer = true;
        const auto& got = bench.ask(query_for("a.test", dns::rr::kA), proto);
        bench.runner.let_go();  // as after a reload: its handlers stop as the answer is delivered
        run_until(bench.loop, [&] { return got.done; });
        CHECK(got.rcode == "NOERROR");
    }
}

TEST_CASE("policies", "[forward]") {
    run::Loop loop;
    fwd::UpstreamsOptions options;
    for (int i = 1; i <= 3; i++) {
        options.to.push_back({{net::Ip::v4(0x7f000000U + unsigned(i)), 9}, false, {}});
    }
    options.policy = fwd::Policy::sequential;
    fwd::Upstreams sequential(loop, options);
    using Order = std::vector<size_t>;
    CHECK(sequential.order() == Order{0, 1, 2});
    CHECK(sequential.order() == Order{0, 1, 2});
    options.policy = fwd::Policy::round_robin;
    fwd::Upstreams robin(loop, options);
    CHECK(robin.order() == Order{0, 1, 2});
    CHECK(robin.order() == Order{1, 2, 0});
    CHECK(robin.order() == Order{2, 0, 1});
    CHECK(robin.order() == Order{0, 1, 2});
    options.policy = fwd::Policy::random;
    fwd::Upstreams random(loop, options);
    std::set<Order> seen;
    for (int i = 0; i < 500; i++) seen.insert(random.order());
    CHECK(seen.size() == 6);
}

TEST_CASE("an upstream is down after failed probes, and up when it answers one", "[forward]") {
    run::Loop loop;
    bool answer = false;
    ScriptedDns server(loop, [&](const Asked& asked) {
        CHECK(asked.question.type == dns::rr::kNs);
        CHECK(asked.question.name.str() == "probe.test.");
        CHECK_FALSE(asked.header.has(dns::flag::kRd));
        return answer ? fails_with(dns::rcode::kServFail)(asked) : Messages{};
    });
    fwd::UpstreamsOptions options;
    options.to = {{server.at(), false, {}}};
    options.max_fails = 1;
    options.health_check = run::Milliseconds(10);
    options.probe_timeout = run::Milliseconds(20);
    options.recursion_desired = false;
    options.domain = *dns::Name::parse("probe.test");
    fwd::Upstreams upstreams(loop, options);
    CHECK_FALSE(upstreams.is_down(0));
    upstreams.suspect(0);
    upstreams.suspect(0);  // one probe at a time
    run_until(loop, [&] { return upstreams.is_down(0); });
    CHECK(server.asked().size() == 2);
    answer = true;
    run_until(loop, [&] { return !upstreams.is_down(0); });
    const auto probes = server.asked().size();
    upstreams.suspect(0);
    run_until(loop, [&] { return server.asked().size() == probes + 1; });
}

TEST_CASE("all upstreams down: one is tried all the same, or none with failfast", "[forward]") {
    for (const bool failfast : {false, true}) {
        run::Loop loop;
        bool answer = false;
        ScriptedDns server(loop, [&](const Asked& asked) {
            const bool probe = asked.question.type == dns::rr::kNs;
            return answer && !probe ? says("192.0.2.1")(asked) : Messages{};
        });
        fwd::ExchangesOptions options;
        options.upstreams.to = {{server.at(), false, {}}};
        options.upstreams.max_fails = 1;
        options.upstreams.health_check = run::Milliseconds(10);
        options.upstreams.probe_timeout = run::Milliseconds(10);
        options.failfast = failfast;
        fwd::Exchanges exchanges(loop, options);
        exchanges.upstreams().suspect(0);
        run_until(loop, [&] { return exchanges.upstreams().is_down(0); });
        answer = true;
        std::string got;
        exchanges.ask(query_for("a.test", dns::rr::kA), false, 512, [&](const fwd::Outcome& o) {
            got = o ? "answered" : o.error().text;
            return true;
        });
        CHECK(got.empty());
        run_until(loop, [&] { return !got.empty(); });
        CHECK(got == (failfast ? "no healthy proxies" : "answered"));
        CHECK(exchanges.in_flight() == 0);
    }
}

TEST_CASE("the deadline ends what nobody answers", "[forward]") {
    run::Loop loop;
    ScriptedDns silent(loop, [](const Asked&) { return Messages{}; });
    fwd::ExchangesOptions options;
    options.upstreams.to = {{silent.at(), false, {}}};
    options.deadline = run::Milliseconds(100);
    options.read_timeout = run::Milliseconds(40);
    fwd::Exchanges exchanges(loop, options);
    std::string got;
    exchanges.ask(query_for("a.test", dns::rr::kA), false, 512, [&](const fwd::Outcome& o) {
        got = o ? "answered" : o.error().text;
        return true;
    });
    run_until(loop, [&] { return !got.empty(); });
    CHECK(got == silent.at().str() + ": no answer");
}

TEST_CASE("addresses and files as TO", "[forward]") {
    const auto one = [](std::string_view word) {
        const auto found = fwd::parse_to(word, std::string(word));
        return found ? found->front().str() : "error: " + found.error().text;
    };
    CHECK(one("192.0.2.1") == "192.0.2.1:53");
    CHECK(one("192.0.2.1:5353") == "192.0.2.1:5353");
    CHECK(one("2001:db8::1") == "[2001:db8::1]:53");
    CHECK(one("[2001:db8::1]:54") == "[2001:db8::1]:54");
    CHECK(one("dns://192.0.2.1:54") == "192.0.2.1:54");
    CHECK(one("not_an_ip") == "error: not an IP address or file: \"not_an_ip\"");
    CHECK(one("dns://not_an_ip") == "error: not an IP address: \"dns://not_an_ip\"");
    CHECK(one("192.0.2.256").starts_with("error: not an IP address or file"));
    CHECK(one("192.0.2.1:99999").starts_with("error: not an IP address"));
    CHECK(one("tls://192.0.2.1") == "tls://192.0.2.1:853");
    CHECK(one("tls://192.0.2.1%dns.example") == "tls://192.0.2.1:853");
    CHECK(fwd::parse_to("tls://192.0.2.1%dns.example:8853", "")->front().tls_name == "dns.example");
    CHECK(one("tls://192.0.2.1%dns.example:8853") == "tls://192.0.2.1:8853");
    CHECK(one("tls://192.0.2.1%").find("no host name behind") != std::string::npos);
    CHECK(one("https://192.0.2.1") == "https://192.0.2.1:443/dns-query");
    CHECK(one("https://[2001:db8::1]:8443/x/y?z") == "https://[2001:db8::1]:8443/x/y?z");
    CHECK(one("https://192.0.2.1/a b").find("not a path") != std::string::npos);
    CHECK(one("quic://192.0.2.1").find("over quic is not built in") != std::string::npos);
    const auto servers = fwd::parse_resolv_conf(
        "# mine\nsearch lan\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # two\r\n"
        "nameservers 192.0.2.9\nnameserver nonsense\nnameserver\noptions edns0");
    REQUIRE(servers.size() == 2);
    CHECK(servers[1].str() == "[2001:db8::1]:53");

    const TemporaryDirectory directory;
    std::ofstream(directory.file("resolv.conf")) << "nameserver 192.0.2.7\n";
    CHECK(one(directory.file("resolv.conf")) == "192.0.2.7:53");
    std::ofstream(directory.file("empty")) << "search lan\n";
    CHECK(one(directory.file("empty")).find("no nameserver line") != std::string::npos);
}

TEST_CASE("host names as TO", "[forward]") {
    const auto one = [](std::string_view word) { return fwd::parse_to(word, "")->front(); };
    CHECK(one("dns.example").host == "dns.example");
    CHECK(one("dns.example:5353").at.port == 5353);
    CHECK(one("tls://dns.example").at.port == 853);
    CHECK(one("https://dns.example:8443/").doh->authority == "dns.example:8443");
    CHECK(one("https://192.0.2.1%dns.example").doh->authority == "dns.example");
    CHECK(one("https://[2001:db8::1]").doh->authority == "[2001:db8::1]");
    const auto at = nobody();
    const auto refused = fwd::look_up_hosts({one("192.0.2.1"), one("tls://dns.example")}, {at});
    REQUIRE_FALSE(refused);
    CHECK_THAT(
        refused.error().text,
        Catch::Contains("not an IP address or file: \"tls://dns.example\"; as a host name: "));
    CHECK(fwd::look_up_hosts({one("192.0.2.1")}, {at})->size() == 1);
}

TEST_CASE("Corefiles with forward that are refused", "[forward]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"forward", "Wrong argument count"},
        {"forward .", "Wrong argument count"},
        {"forward . not-an-ip", "not an IP address or file: \"not-an-ip\""},
        {"forward . grpc://192.0.2.1", "over grpc is not built in"},
        {"forward a..b 192.0.2.1", "unable to normalize"},
        {"forward . 192.0.2.1 {\n bogus\n }", "unknown property 'bogus'"},
        {"forward . 192.0.2.1 {\n max_fails -1\n }", "\"-1\" is not a number"},
        {"forward . 192.0.2.1 {\n max_fails\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n expire 10\n }", "unit"},
        {"forward . 192.0.2.1 {\n policy slowest\n }", "\"slowest\" is not one of"},
        {"forward . 192.0.2.1 {\n health_check\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n health_check -1s\n }", "can't be negative"},
        {"forward . 192.0.2.1 {\n health_check 1s bogus\n }", "unknown option \"bogus\""},
        {"forward . 192.0.2.1 {\n health_check 1s domain\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n next BOGUS\n }", "\"BOGUS\" is not a valid rcode"},
        {"forward . 192.0.2.1 {\n next\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n except\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n except a..b\n }", "a..b"},
        {"forward . 192.0.2.1 {\n tls a b c d\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n tls_servername\n }", "Wrong argument count"},
        {"forward . 192.0.2.1 {\n read_timeout 0s\n }", "not between"},
        {"forward . 192.0.2.1 {\n source_address here\n }", "must be an address"},
        {"forward . 192.0.2.1 {\n force_tcp yes\n }", "Wrong argument count"},
        {"forward . 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9 "
         "1.1.1.10 1.1.1.11 1.1.1.12 1.1.1.13 1.1.1.14 1.1.1.15 1.1.1.16",
         "more than 15 TOs configured: 16"},
    };
    for (const auto& [line, why] : cases) {
        INFO(line);
        const auto error = refusal(".:53 {\n " + line + "\n}\n");
        INFO(error);
        CHECK(error.find("plugin/forward: Corefile:") == 0);
        CHECK(error.find(why) != std::string::npos);
    }
}

TEST_CASE("every option of forward is taken", "[forward]") {
    CHECK(refusal(block("10.0.0.0/24 192.0.2.1 [2001:db8::1]:53",
                        "except a.test 10.0.0.0/8\nforce_tcp\nprefer_udp\nexpire 1m\nmax_fails 0\n"
                        "policy round_robin\nhealth_check 0.5s no_rec domain example.org.\n"
                        "max_concurrent 1000\nnext NXDOMAIN servfail\n"
                        "failfast_all_unhealthy_upstreams\nread_timeout 1s\nmix_case\ntls\n"
                        "resolver 192.0.2.1 192.0.2.2:54\n"
                        "tls_servername dns.example"))
              .empty());
    CHECK(refusal(block(". 192.0.2.1", "source_address 192.0.2.200")).empty());
    CHECK_THAT(refusal(block(". 192.0.2.1", "source_address ::1")),
               Catch::Contains("source_address ::1 cannot reach 192.0.2.1:53"));
    CHECK_THAT(refusal(block(". tls://192.0.2.1", "tls /nowhere/ca.pem")),
               Catch::Contains("/nowhere/ca.pem"));
    const auto config = resolver::load_config(block("10.0.0.0/15 192.0.2.1"), {});
    REQUIRE(config);
    REQUIRE((*config)->warnings.size() == 2);  // and that it answers everybody
    CHECK((*config)->warnings.front() ==
          "plugin/forward: Unsupported CIDR notation: '10.0.0.0/15' expands to multiple zones. "
          "Using only '0.10.in-addr.arpa.'.");
}

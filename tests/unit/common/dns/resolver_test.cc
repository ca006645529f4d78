// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/resolver.h"

#include <fstream>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::dns;
using test::Asked;
using test::Message;
using test::reply_to;
using test::run_until;
using test::ScriptedDns;

namespace {

std::unique_ptr<Resolver> resolver(run::Loop& loop, std::vector<net::Endpoint> servers) {
    ResolverOptions options;
    options.servers = std::move(servers);
    options.timeout = run::Milliseconds(200);
    options.tries = 1;
    auto made = Resolver::make(loop, options);
    REQUIRE(made);
    return std::move(*made);
}

Result<Answer> look_up(run::Loop& loop, Resolver& resolver, const std::string& name,
                       uint16_t type) {
    std::optional<Result<Answer>> got;
    resolver.query(*Name::parse(name), type,
                   [&](Result<Answer> answer) { got = std::move(answer); });
    CHECK_FALSE(got);
    run_until(loop, [&] { return got.has_value(); });
    return *got;
}

}  // namespace

TEST_CASE("look-ups of each type, with aliases and TTLs", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        const std::string name = asked.question.name.str();
        const bool txt = asked.question.type == rr::kTxt;
        const bool four = asked.question.type == rr::kA;
        return std::vector<Message>{reply_to(
            asked.wire, 0,
            {name + " 60 IN CNAME end.test.", txt    ? "end.test. 30 IN TXT \"AA 192.0.2.1 + 1\""
                                              : four ? "end.test. 30 IN A 192.0.2.1"
                                                     : "end.test. 30 IN AAAA 2001:db8::1"})};
    });
    const auto resolver = ::resolver(loop, {server.at()});
    for (const uint16_t type : {rr::kA, rr::kAaaa, rr::kTxt}) {
        const auto answer = look_up(loop, *resolver, "a.test", type);
        REQUIRE(answer);
        CHECK(answer->chain.size() == 1);
        CHECK(answer->records.size() == 1);
        CHECK(answer->ttl == 30);
    }
    dns::MessageReader reader(server.asked().front().wire);
    const auto opt = reader.record();
    REQUIRE(opt);
    CHECK(Edns::from(*opt).udp_size == 1232);
    CHECK(resolver->pending() == 0);
}

TEST_CASE("a cut answer is asked for again over TCP", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        if (!asked.tcp) return std::vector<Message>{reply_to(asked.wire, flag::kTc, {})};
        return std::vector<Message>{reply_to(asked.wire, 0, {"a.test. 60 IN A 192.0.2.1"})};
    });
    const auto resolver = ::resolver(loop, {server.at()});
    CHECK(look_up(loop, *resolver, "a.test", rr::kA)->records.size() == 1);
    CHECK(server.connections() == 1);
}

TEST_CASE("the next server is asked when one fails", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns broken(loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, rcode::kServFail, {})};
    });
    ScriptedDns silent(loop, [](const Asked&) { return std::vector<Message>{}; });
    ScriptedDns good(loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, 0, {"a.test. 60 IN A 192.0.2.1"})};
    });
    const auto resolver = ::resolver(loop, {broken.at(), test::nobody(), silent.at(), good.at()});
    CHECK(look_up(loop, *resolver, "a.test", rr::kA)->records.size() == 1);
}

TEST_CASE("what went wrong is said", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) -> std::vector<Message> {
        const auto label = asked.question.name.str();
        if (label.starts_with("nx")) return {reply_to(asked.wire, rcode::kNxDomain, {})};
        if (label.starts_with("none")) return {reply_to(asked.wire, 0, {})};
        if (label.starts_with("no")) return {reply_to(asked.wire, rcode::kRefused, {})};
        return {};
    });
    const auto resolver = ::resolver(loop, {server.at()});
    CHECK(look_up(loop, *resolver, "nx.test", rr::kA)->rcode == rcode::kNxDomain);
    CHECK(look_up(loop, *resolver, "none.test", rr::kA)->records.empty());
    CHECK(look_up(loop, *resolver, "no.test", rr::kA).error().text ==
          "looking up no.test. A: no server could be reached or would answer (servers: " +
              server.at().str() + ")");
    const auto late = look_up(loop, *resolver, "silent.test", rr::kTxt);
    REQUIRE_FALSE(late);
    CHECK(late.error().text.starts_with("looking up silent.test. TXT: Timeout"));
}

TEST_CASE("many look-ups, few in flight", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        return std::vector<Message>{
            reply_to(asked.wire, 0, {asked.question.name.str() + " 60 IN A 192.0.2.1"})};
    });
    ResolverOptions options;
    options.servers = {server.at()};
    options.max_in_flight = 3;
    const auto resolver = *Resolver::make(loop, options);
    int answered = 0;
    for (int i = 0; i < 50; i++) {
        resolver->query(*Name::parse(fmt::format("n{}.test", i)), rr::kA,
                        [&](const Result<Answer>& answer) { answered += answer ? 1 : 0; });
    }
    CHECK(resolver->pending() == 50);
    run_until(loop, [&] { return answered == 50; });
    CHECK(resolver->pending() == 0);
}

TEST_CASE("a resolver may go while it asks", "[dns][resolver]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked&) { return std::vector<Message>{}; });
    auto resolver = ::resolver(loop, {server.at()});
    resolver->query(*Name::parse("a.test"), rr::kA, [](const Result<Answer>&) { FAIL("called"); });
    run_until(loop, [&] { return !server.asked().empty(); });
    resolver.reset();
}

TEST_CASE("addresses of the hosts file come first", "[dns][resolver]") {
    run::Loop loop;
    const test::TemporaryDirectory directory;
    std::ofstream(directory.file("hosts")) << "192.0.2.77 web.test\n";
    ResolverOptions options;
    options.hosts_file = directory.file("hosts");
    const auto resolver = *Resolver::make(loop, options);
    const auto answer = look_up(loop, *resolver, "WEB.test", rr::kA);
    REQUIRE(answer);
    CHECK(answer->ips().front().str() == "192.0.2.77");
}

TEST_CASE("servers as options name them", "[dns][resolver]") {
    CHECK(parse_servers("192.0.2.1")->front().str() == "192.0.2.1:53");
    const auto two = parse_servers("192.0.2.1:5353,[2001:db8::1]:54");
    REQUIRE(two);
    CHECK(two->at(1).str() == "[2001:db8::1]:54");
    for (const auto* bad : {"", "dns.example", "192.0.2.1,", "192.0.2.1:0", "192.0.2.1:99999"}) {
        INFO(bad);
        CHECK_FALSE(parse_servers(bad));
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Polls on the real loop: whatever they wait for, they end.
#include "dns-agent/loop_world.h"

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

constexpr const char* kOverdue = "the poll as a whole takes more than 0.05 s";

struct Setup {
    run::Loop loop;
    ScriptedDns silent{loop, [](const Asked&) { return std::vector<Message>{}; }};
    std::unique_ptr<LoopWorld> world;

    Setup() {
        dns::ResolverOptions options;
        options.servers = {silent.at()};
        WorldSettings settings;
        settings.local_servers = {silent.at()};
        settings.resolvers = {silent.at()};
        settings.limits.whole = run::Milliseconds(50);
        settings.grace = run::Milliseconds(0);
        world = std::make_unique<LoopWorld>(loop, *dns::Resolver::make(loop, options),
                                            std::move(settings));
    }
    TransferError poll(const std::string& server) {
        const auto source = parse_source("internal:example.com:" + server).value();
        TransferError out;
        int called = 0;
        Known known;
        known.answers = std::make_shared<QueryCache>();
        world->fetch(source.servers[0], source, known, [&](const FetchResult& result) {
            called++;
            REQUIRE(!result);
            out = result.error();
        });
        run_until(loop, [&] { return called > 0; });
        return out;
    }
};

}  // namespace

TEST_CASE("a poll ends in bounded time, whatever it waits for", "[loop_world]") {
    Setup s;
    const auto server = s.silent.at().str();
    // Transfers are patient with silence for 30 s, look-ups of names and of LOCAL for seconds.
    const auto by_transfer = s.poll(server);
    CHECK(by_transfer.text == kOverdue);
    CHECK(by_transfer.limit == TransferError::Limit::whole);
    CHECK_FALSE(by_transfer.gone);
    CHECK(s.poll(server + "/query").text == kOverdue);
    CHECK(s.poll("ns.example.net").text == kOverdue);
    // What comes too late is nobody's: LOCAL's servers give up later than the polls did.
    bool told = false;
    s.world->local_zone(*dns::Name::parse("internal"), [&](const auto&) { told = true; });
    run_until(s.loop, [&] { return told; });
}

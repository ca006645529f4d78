// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/agent_reports.h"

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

constexpr size_t kRoom = 1 << 20;

proto::SourceReport report(const std::string& public_domain = "example.com") {
    proto::SourceReport out;
    out.set_local_domain("internal");
    out.set_public_domain(public_domain);
    out.set_hosts(3);
    auto& server = *out.add_servers();
    server.set_server("192.0.2.53:53");
    server.set_serial(7);
    server.set_succeeded_seconds_ago(10);
    server.set_next_in_seconds(60);
    return out;
}

proto::Status::Agent put(const AgentReports& reports, Seconds now) {
    proto::Status::Agent agent;
    CHECK(reports.put(agent, now, kRoom) == 0);
    return agent;
}

}  // namespace

TEST_CASE("reports grow old, are replaced, and are given up", "[agent_reports]") {
    AgentReports reports;
    CHECK(reports.empty());
    REQUIRE(reports.take(report(), 100));
    auto agent = put(reports, 130);
    REQUIRE(agent.sources_size() == 1);
    CHECK(agent.sources(0).hosts() == 3);
    CHECK(agent.sources(0).servers(0).serial() == 7);
    CHECK(agent.sources(0).servers(0).succeeded_seconds_ago() == 40);
    CHECK(agent.sources(0).servers(0).next_in_seconds() == 30);
    CHECK(put(reports, 200).sources(0).servers(0).next_in_seconds() == 0);
    auto fresh = report();
    fresh.clear_servers();
    fresh.add_servers()->set_error("no connection");
    REQUIRE(reports.take(fresh, 300));
    REQUIRE(reports.take(report("example.org"), 300));
    agent = put(reports, 300);
    REQUIRE(agent.sources_size() == 2);
    CHECK(agent.sources(0).servers(0).error() == "no connection");
    CHECK_FALSE(agent.sources(0).servers(0).has_serial());
    CHECK_FALSE(agent.sources(0).servers(0).has_succeeded_seconds_ago());
    CHECK_FALSE(agent.sources(0).servers(0).has_next_in_seconds());
    fresh.set_given_up(true);
    REQUIRE(reports.take(fresh, 300));
    REQUIRE(put(reports, 300).sources_size() == 1);
    CHECK(put(reports, 300).sources(0).public_domain() == "example.org");
}

TEST_CASE("what a client says is bounded and made harmless", "[agent_reports]") {
    AgentReports reports;
    CHECK_FALSE(reports.take(report("exa mple"), 1));
    CHECK_FALSE(reports.take(proto::SourceReport(), 1));
    auto many = report();
    for (int i = 0; i < AgentReports::kMostServers; i++) many.add_servers();
    CHECK_FALSE(reports.take(many, 1));
    CHECK(reports.empty());

    auto odd = report();
    odd.set_trouble("bad\x1b[2J" + std::string(10'000, 'x'));
    odd.mutable_servers(0)->set_succeeded_seconds_ago(~uint64_t{0});
    REQUIRE(reports.take(odd, 1));
    const auto agent = put(reports, 1'000'000);
    CHECK(agent.sources(0).trouble().substr(0, 7) == "bad?[2J");
    CHECK(agent.sources(0).trouble().size() == 300);
    CHECK(agent.sources(0).servers(0).succeeded_seconds_ago() > 1'000'000);
}

TEST_CASE("one client's reports have a size; who replaces does not add", "[agent_reports]") {
    AgentReports reports;
    auto big = report();
    big.set_trouble(std::string(300, 'x'));
    for (int i = 0; i < 10'000; i++) REQUIRE(reports.take(big, 1));
    int taken = 0;
    for (; reports.take(report(fmt::format("zone{}.example", taken)), 1); taken++) {
        REQUIRE(taken < 10'000);
    }
    CHECK(taken > 500);
    proto::Status::Agent agent;
    const auto left_out = reports.put(agent, 1, 20'000);
    CHECK(left_out > 0);
    CHECK(left_out + static_cast<uint64_t>(agent.sources_size()) ==
          static_cast<uint64_t>(taken) + 1);
    CHECK(agent.ByteSizeLong() < 20'000);
    auto gone = big;
    gone.set_given_up(true);
    REQUIRE(reports.take(gone, 1));
    CHECK(reports.take(report("room.example"), 1));
}

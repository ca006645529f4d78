// SPDX-License-Identifier: GPL-2.0-or-later
// What clients are owed, without sockets and disk: the test says when something is stored.
#include "gw/broker/clients.h"

#include "server.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

struct Kept : Outlet {
    Kept(std::vector<proto::Frame>& to, bool& reads_not) : frames(to), paused(reads_not) {}
    void send(Record record) override { frames.push_back(wire::parse_frame(record).value()); }
    void pause(bool on) override { paused = on; }
    std::vector<proto::Frame>& frames;
    bool& paused;
};

struct Desk : Site {
    explicit Desk(BrokerOptions options = {}) {
        clients.emplace(
            table, options, sources(),
            Clients::World{.when_durable = [this](auto one) { waiting.push_back(std::move(one)); },
                           .problem = {},
                           .warn = [](const auto&) {}});
        join();
    }
    void join() {
        clients->join([](uint64_t) { return "client"; },
                      [this](uint64_t) { return std::make_unique<Kept>(sent, paused); });
    }
    void take(proto::Frame frame) { clients->take(1, wire::build_frame(std::move(frame)).value()); }
    void stored(const Result<void>& outcome = {}) {
        for (const auto& one : std::exchange(waiting, {})) one(outcome);
    }

    BrokerSources sources() {
        BrokerSources sources;
        sources.requests = &requests;
        return sources;
    }
    /// The value of a metric, as it is told.
    bool tells(const std::string& line) const {
        return metrics.text().find(line + "\n") != std::string::npos;
    }

    run::Metrics metrics;
    RequestMetrics requests{metrics};
    std::vector<Committer::Durable> waiting;
    std::vector<proto::Frame> sent;
    bool paused = false;
    std::optional<Clients> clients;
};

const auto kRemote = at("198.51.100.7", "1001");

proto::Frame hello() {
    auto frame = frame_with_id(1);
    frame.mutable_hello()->set_program("ipref-coredns");
    return frame;
}

}  // namespace

TEST_CASE("an answer that waits for the disk comes before word that it is void", "[clients]") {
    Desk desk;
    desk.take(hello());
    desk.take(get_frame(2, {kRemote}));
    desk.table.replace(kHosts, {remote("10.240.0.9", "198.51.100.7", "1001")}, {});
    REQUIRE(desk.sent.size() == 1);
    CHECK(desk.sent[0].has_hello());
    SECTION("it is stored") {
        desk.stored();
        REQUIRE(desk.sent.size() == 3);
        CHECK(desk.sent[1].has_encoded_addresses());
        CHECK(desk.sent[2].mappings_changed().dropped_size() == 1);
    }
    SECTION("the disk refuses: what was dropped is told all the same") {
        desk.stored(fail("full"));
        REQUIRE(desk.sent.size() == 3);
        CHECK(desk.sent[1].failure().code() == proto::Failure::STORE);
        CHECK(desk.sent[2].mappings_changed().dropped_size() == 1);
    }
    SECTION("the broker goes before the disk is done") {
        desk.clients.reset();
        desk.stored();
        CHECK(desk.sent.size() == 1);
    }
}

TEST_CASE("requests are counted by command and result, once their answer goes out", "[clients]") {
    Desk desk;
    const auto total = [](std::string_view command, std::string_view result, int count) {
        return fmt::format("ipref_mapper_requests_total{{command=\"{}\",result=\"{}\"}} {}",
                           command, result, count);
    };
    desk.take(hello());
    desk.take(get_frame(2, {kRemote}));
    CHECK(desk.tells(total("hello", "ok", 1)));
    CHECK(desk.tells(total("get_encoded_addresses", "ok", 0)));
    desk.stored();
    CHECK(desk.tells(total("get_encoded_addresses", "ok", 1)));
    desk.take(get_frame(3, {at("198.51.100.7", "1002")}));
    desk.stored(fail("full"));
    CHECK(desk.tells(total("get_encoded_addresses", "refused", 1)));
    desk.take(frame_with_id(4));
    CHECK(desk.tells(total("unknown", "refused", 1)));
    desk.clients->take(1, Bytes{1, 2, 3});
    CHECK(desk.tells(total("unknown", "malformed", 1)));
    CHECK(desk.tells("ipref_mapper_request_duration_seconds_count 5"));
}

TEST_CASE("a status has what agents said of their sources, as long as they are there",
          "[clients]") {
    Desk desk;
    auto agent = hello();
    agent.mutable_hello()->set_program("ipref-dns-agent");
    agent.mutable_hello()->set_release("1.2.3");
    desk.take(agent);
    auto status = desk.clients->status();
    REQUIRE(status.agents_size() == 1);
    CHECK(status.agents(0).client() == "client");
    CHECK(status.agents(0).release() == "1.2.3");
    CHECK(status.agents(0).sources().empty());
    auto report = frame_with_id(2);
    report.mutable_source_report()->set_local_domain("internal");
    report.mutable_source_report()->set_public_domain("example.com");
    report.mutable_source_report()->set_hosts(5);
    desk.take(report);
    CHECK(desk.sent.back().has_ack());
    CHECK(desk.sent.back().id() == 2);
    status = desk.clients->status();
    REQUIRE(status.agents(0).sources_size() == 1);
    CHECK(status.agents(0).sources(0).hosts() == 5);
    report.mutable_source_report()->clear_local_domain();
    desk.take(report);
    CHECK(desk.sent.back().failure().code() == proto::Failure::LIMIT);
    desk.clients->leave(1, "gone");
    CHECK(desk.clients->status().agents().empty());
}

TEST_CASE("a status of many agents with much to say still fits a frame", "[clients]") {
    Desk desk;
    for (uint64_t client = 2; client <= 100; client++) {
        desk.join();
        for (int i = 0; i < 100; i++) {
            auto report = frame_with_id(2);
            report.mutable_source_report()->set_local_domain("internal");
            report.mutable_source_report()->set_public_domain(fmt::format("zone{}.example", i));
            report.mutable_source_report()->set_trouble(std::string(300, 'x'));
            desk.clients->take(client, wire::build_frame(report).value());
        }
    }
    auto asked = frame_with_id(3);
    asked.mutable_status_request();
    desk.take(asked);
    REQUIRE(desk.sent.back().has_status());
    CHECK(desk.sent.back().status().agents_size() > 0);
    CHECK(desk.sent.back().status().reports_left_out() > 0);
}

TEST_CASE("who has too many answers waiting is not read, who has gone gets none", "[clients]") {
    BrokerOptions options;
    options.in_flight = 2;
    Desk desk(options);
    desk.take(get_frame(1, {kRemote}));
    CHECK(!desk.paused);
    desk.take(get_frame(2, {kRemote}));
    CHECK(desk.paused);
    desk.stored();
    CHECK(!desk.paused);
    CHECK(desk.sent.size() == 2);
    desk.take(get_frame(3, {kRemote}));
    desk.clients->leave(1, "gone");
    desk.stored();
    CHECK(desk.sent.size() == 2);
    CHECK(desk.clients->count() == 0);
}

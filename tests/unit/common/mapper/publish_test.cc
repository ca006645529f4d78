// SPDX-License-Identifier: GPL-2.0-or-later
// Host data over both protocols.
#include "unit/common/mapper/client_bench.h"
#include "unit/hex.h"

using namespace ipref;
using namespace ipref::mapper;
using namespace ipref::test;

namespace {

const Source kSource{"internal", "example.com"};

void ack(ScriptedMapper& server, const proto::Frame& frame) {
    proto::Frame answer;
    answer.set_id(frame.id());
    answer.mutable_ack();
    server.send(answer);
}

void refuse(ScriptedMapper& server, const proto::Frame& frame, proto::Failure::Code code) {
    proto::Frame answer;
    answer.set_id(frame.id());
    answer.mutable_failure()->set_code(code);
    server.send(answer);
}

void answer_v1(ScriptedMapper& server, wire::V1Packet packet, wire::V1Mode mode) {
    packet.mode = mode;
    server.send(wire::build_v1(packet).value());
}

/// Connects, makes the request, runs until it is done.
template <typename Request>
DoneOrFailure outcome(Bench& bench, Protocol protocol, Request request) {
    DoneOrFailure result;
    bench.on_connected = [&bench, &result, request] {
        request(*bench.client, [&](DoneOrFailure done) {
            result = std::move(done);
            bench.loop.stop();
        });
    };
    bench.connect(protocol);
    bench.run();
    return result;
}

}  // namespace

TEST_CASE("a full set in frames of one id and batch, acknowledged once", "[mapper_publish]") {
    Bench bench;
    std::vector<proto::Frame> frames;
    bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
        frames.push_back(frame);
        if (!frame.host_data().last()) return;
        proto::Frame answer;
        answer.set_id(frame.id());
        answer.mutable_ack()->set_rejected(1);
        answer.mutable_ack()->add_reasons("10.0.0.9: family");
        server.send(answer);
    }));
    const auto set = host_set(2500);
    const auto done = outcome(bench, Protocol::automatic, [&](Client& client, auto callback) {
        client.publish(set, callback);
    });
    REQUIRE(done);
    CHECK(done->rejected == 1);
    CHECK(done->reasons == std::vector<std::string>{"10.0.0.9: family"});
    REQUIRE(frames.size() == 3);
    std::vector<wire::Host> hosts;
    for (const auto& frame : frames) {
        const auto& data = frame.host_data();
        CHECK(frame.id() == frames[0].id());
        CHECK(data.batch() == frames[0].host_data().batch());
        CHECK(data.hash() == set->hash);
        CHECK(data.local_domain() == "internal");
        CHECK(data.public_domain() == "example.com");
        CHECK_FALSE(data.difference());
        CHECK(data.last() == (&frame == &frames[2]));
        for (const auto& host : data.add()) hosts.push_back(wire::host_from(host).value());
    }
    CHECK((hosts == set->hosts));
}

TEST_CASE("a difference, and one whose base is unknown", "[mapper_publish]") {
    const auto set = host_set(3);
    Change change{.base_hash = 99, .add = {set->hosts[2]}, .remove = {set->hosts[0]}};
    for (const bool known : {true, false}) {
        Bench bench;
        proto::HostData data;
        bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
            data = frame.host_data();
            if (known) return ack(server, frame);
            refuse(server, frame, proto::Failure::UNKNOWN_HASH);
        }));
        const auto done = outcome(bench, Protocol::protobuf, [&](Client& client, auto callback) {
            client.publish_change(set, change, callback);
        });
        CHECK(data.difference());
        CHECK(data.base_hash() == 99);
        CHECK(data.last());
        REQUIRE(data.add_size() == 1);
        REQUIRE(data.remove_size() == 1);
        CHECK(wire::host_from(data.add(0)) == set->hosts[2]);
        CHECK(wire::host_from(data.remove(0)) == set->hosts[0]);
        CHECK(done.has_value() == known);
        if (!done) CHECK(done.error().reason == Reason::unknown_hash);
    }
}

TEST_CASE("a refusal in the middle of a set ends it, and the next request is served",
          "[mapper_publish]") {
    Bench bench;
    int host_data_frames = 0;
    bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
        if (!frame.has_host_data()) return ack(server, frame);
        if (++host_data_frames == 1) refuse(server, frame, proto::Failure::STORE);
    }));
    std::vector<std::string> told;
    bench.on_connected = [&] {
        bench.client->publish(host_set(100'000), [&](DoneOrFailure done) {
            told.emplace_back(name_of(done.error().reason));
        });
        bench.client->withdraw(kSource, [&](DoneOrFailure done) {
            told.emplace_back(done ? "withdrawn" : "not");
            bench.loop.stop();
        });
    };
    bench.connect(Protocol::protobuf);
    bench.run();
    CHECK(told == std::vector<std::string>{"store", "withdrawn"});
    CHECK(host_data_frames < 100);
}

TEST_CASE("100,000 hosts to a gateway that reads late", "[mapper_publish]") {
    for (const auto protocol : {Protocol::protobuf, Protocol::v1}) {
        Bench bench;
        size_t hosts = 0;
        std::unique_ptr<run::Timer> later;
        bool paused = false;
        auto pause = [&](ScriptedMapper& server) {
            if (paused) return;
            paused = true;
            server.pause();
            later = std::make_unique<run::Timer>(bench.loop, [&] { server.resume(); });
            later->start(Milliseconds(50));
        };
        if (protocol == Protocol::protobuf) {
            bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
                pause(server);
                hosts += static_cast<size_t>(frame.host_data().add_size());
                if (frame.host_data().last()) ack(server, frame);
            }));
        } else {
            bench.serve(speaks_v1([&](ScriptedMapper& server, const wire::V1Packet& packet) {
                pause(server);
                hosts += std::get<wire::V1HostData>(packet.body).records.size();
                answer_v1(server, packet, wire::V1Mode::ack);
            }));
        }
        const auto set = host_set(100'000);
        const auto done = outcome(
            bench, protocol, [&](Client& client, auto callback) { client.publish(set, callback); });
        CHECK(done);
        CHECK(hosts == 100'000);
    }
}

TEST_CASE("V1: packets of one batch and hash, none too long, all acknowledged",
          "[mapper_publish]") {
    Bench bench;
    bench.serve(speaks_v1([](ScriptedMapper& server, const wire::V1Packet& packet) {
        answer_v1(server, packet, wire::V1Mode::ack);
    }));
    const auto set = host_set(100);
    const auto done = outcome(
        bench, Protocol::v1, [&](Client& client, auto callback) { client.publish(set, callback); });
    REQUIRE(done);
    std::vector<wire::Host> hosts;
    uint32_t batch = 0;
    for (const auto& record : bench.server->records) {
        CHECK(record.size() <= 1200);
        const auto packet = wire::parse_v1(record).value();
        const auto& data = std::get<wire::V1HostData>(packet.body);
        if (batch == 0) batch = data.batch;
        CHECK(data.batch == batch);
        CHECK(data.hash == set->hash);
        for (const auto& one : data.records) {
            CHECK(one.ea.is_zero());
            hosts.push_back({one.ip, one.ipref});
        }
    }
    CHECK((hosts == set->hosts));
}

TEST_CASE("V1: one nack fails the set", "[mapper_publish]") {
    Bench bench;
    int packets = 0;
    bench.serve(speaks_v1([&](ScriptedMapper& server, const wire::V1Packet& packet) {
        answer_v1(server, packet, ++packets == 2 ? wire::V1Mode::nack : wire::V1Mode::ack);
    }));
    const auto done = outcome(bench, Protocol::v1, [&](Client& client, auto callback) {
        client.publish(host_set(1000), callback);
    });
    REQUIRE_FALSE(done);
    CHECK(done.error().reason == Reason::refused);
}

TEST_CASE("V1: hosts of several families go into packets of one family each", "[mapper_publish]") {
    Bench bench;
    std::vector<wire::Host> hosts;
    bench.serve(speaks_v1([&](ScriptedMapper& server, const wire::V1Packet& packet) {
        for (const auto& one : std::get<wire::V1HostData>(packet.body).records) {
            hosts.push_back({one.ip, one.ipref});
        }
        answer_v1(server, packet, wire::V1Mode::ack);
    }));
    auto set = std::make_shared<wire::HostSet>(*host_set(40));
    for (size_t i = 0; i < 40; i += 3) set->hosts[i].ip = net::Ip::parse("2001:db8::1").value();
    CHECK(outcome(bench, Protocol::v1,
                  [&](Client& client, auto callback) { client.publish(set, callback); }));
    CHECK((hosts == set->hosts));
}

TEST_CASE("V1: the hash as seen on the wire, known and unknown", "[mapper_publish]") {
    for (const bool known : {true, false}) {
        Bench bench;
        bench.serve(speaks_v1([&](ScriptedMapper& server, const wire::V1Packet& packet) {
            answer_v1(server, packet, known ? wire::V1Mode::ack : wire::V1Mode::nack);
        }));
        const auto done = outcome(bench, Protocol::v1, [&](Client& client, auto callback) {
            client.confirm(kSource, 0x73bc4a6462a93661, 2, callback);
        });
        CHECK(done.has_value() == known);
        if (!done) CHECK(done.error().reason == Reason::unknown_hash);
        auto seen = bench.server->records[0];
        seen[2] = 0xe1;
        seen[3] = 0x81;
        CHECK(to_hex(seen) ==
              "114fe1814400000c0000000273bc4a6462a936610408696e7465726e616c0000"
              "040b6578616d706c652e636f6d000000");
    }
}

TEST_CASE("V1: withdrawing is an empty set", "[mapper_publish]") {
    Bench bench;
    bench.serve(speaks_v1([](ScriptedMapper& server, const wire::V1Packet& packet) {
        answer_v1(server, packet, wire::V1Mode::ack);
    }));
    CHECK(outcome(bench, Protocol::v1,
                  [](Client& client, auto callback) { client.withdraw(kSource, callback); }));
    const auto packet = wire::parse_v1(bench.server->records.at(0)).value();
    const auto& data = std::get<wire::V1HostData>(packet.body);
    CHECK(data.records.empty());
    CHECK(data.hash == wire::hash_of({}));
}

TEST_CASE("a source whose name cannot be sent is refused at once", "[mapper_publish]") {
    Bench bench;
    bench.serve(speaks_protobuf([](ScriptedMapper&, const proto::Frame&) {}));
    const auto done = outcome(bench, Protocol::protobuf, [](Client& client, auto callback) {
        client.withdraw({std::string(256, 'x'), "example.com"}, callback);
    });
    CHECK(done.error().reason == Reason::bad_request);
}

TEST_CASE("reports of an agent go to who understands them", "[mapper_publish]") {
    SourceReport report;
    report.source = kSource;
    report.hosts = 3;
    report.trouble = std::string("odd \xff") + std::string(1000, 'x');
    report.servers.push_back({"192.0.2.1:53", 7, std::chrono::seconds(3), std::nullopt, ""});

    Bench bench;
    std::vector<proto::Frame> frames;
    bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
        frames.push_back(frame);
        if (frame.has_source_report()) return refuse(server, frame, proto::Failure::BAD_REQUEST);
        ack(server, frame);
    }));
    const auto done = outcome(bench, Protocol::protobuf, [&](Client& client, auto callback) {
        CHECK(client.report(report));
        client.confirm(kSource, 1, 2, callback);  // goes on, whatever the answer to the other is
    });
    CHECK(done);
    REQUIRE(frames.size() == 2);
    const auto& sent = frames[0].source_report();
    CHECK(frames[0].id() != 0);
    CHECK(sent.public_domain() == "example.com");
    CHECK(sent.hosts() == 3);
    CHECK(sent.trouble().size() == 300);
    CHECK(sent.trouble().substr(0, 5) == "odd ?");
    REQUIRE(sent.servers_size() == 1);
    CHECK(sent.servers(0).serial() == 7);
    CHECK(sent.servers(0).succeeded_seconds_ago() == 3);
    CHECK_FALSE(sent.servers(0).has_next_in_seconds());

    Bench old;
    old.serve(speaks_v1([](ScriptedMapper& server, const wire::V1Packet& packet) {
        answer_v1(server, packet, wire::V1Mode::ack);
    }));
    CHECK(outcome(old, Protocol::v1, [&](Client& client, auto callback) {
        CHECK(client.report(report));
        client.confirm(kSource, 1, 2, callback);
    }));
    CHECK(old.server->records.size() == 1);

    Bench nobody;
    nobody.connect(Protocol::protobuf);
    CHECK_FALSE(nobody.client->report(report));
}

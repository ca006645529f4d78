// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/catch.h"
#include "unit/common/mapper/client_bench.h"
#include "unit/hex.h"

using namespace ipref;
using namespace ipref::mapper;
using namespace ipref::test;
using run::Milliseconds;

namespace {

Query query(uint64_t ref) {
    return {{net::Ip::parse("198.51.100.7").value(), {0, ref}}, "web.example.com."};
}

void answer_queries(ScriptedMapper& server, const proto::Frame& frame) {
    proto::Frame answer;
    answer.set_id(frame.id());
    for (const auto& one : frame.get_encoded_addresses().queries()) {
        const auto ipref = wire::ipref_from(one.ipref()).value();
        auto& to = *answer.mutable_encoded_addresses()->add_answers();
        if (ipref.ref.low == 13) {
            to.mutable_failure()->set_code(proto::Failure::LIMIT);
            to.mutable_failure()->set_text("too many for 198.51.100.7");
            continue;
        }
        to.set_ea(wire::bytes_of(net::Ip::v4(0x0af00000 + static_cast<uint32_t>(ipref.ref.low))));
        to.set_lifetime(3600);
    }
    server.send(answer);
}

}  // namespace

TEST_CASE("urls of the mapper socket", "[mapper_client]") {
    CHECK(parse_mapper_url("unix:///run/ipref/mapper.sock").value() == "/run/ipref/mapper.sock");
    CHECK(parse_mapper_url("/tmp/x").value() == "/tmp/x");
    CHECK_FALSE(parse_mapper_url(""));
    CHECK_FALSE(parse_mapper_url("unix://"));
    CHECK_FALSE(parse_mapper_url("tcp://127.0.0.1:80"));
}

TEST_CASE("hello, then an address with its lifetime, and a refusal with its reason",
          "[mapper_client]") {
    Bench bench;
    bench.serve(speaks_protobuf(answer_queries));
    bench.connect(Protocol::automatic);
    std::vector<Answer> got;
    bench.on_connected = [&] {
        bench.client->get_encoded_addresses({query(5), query(13)}, [&](auto answers) {
            got = answers;
            bench.loop.stop();
        });
    };
    bench.run();
    REQUIRE(bench.connected.size() == 1);
    CHECK(bench.connected[0].protocol == Protocol::protobuf);
    CHECK(bench.connected[0].release == "1.2.3");
    REQUIRE(bench.connected[0].sites.size() == 1);
    CHECK(bench.connected[0].sites[0].encode_net.str() == "10.240.0.0/12");
    REQUIRE(got.size() == 2);
    CHECK(got[0]->ea.str() == "10.240.0.5");
    CHECK(got[0]->lifetime == std::chrono::seconds(3600));
    CHECK(got[1].error().reason == Reason::limit);
    CHECK(got[1].error().text == "too many for 198.51.100.7");
}

TEST_CASE("thousands of queries in several frames, answered in any order", "[mapper_client]") {
    Bench bench;
    std::vector<proto::Frame> frames;
    bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
        frames.push_back(frame);
        if (frames.size() < 3) return;
        for (const size_t i : {2u, 0u, 1u}) answer_queries(server, frames[i]);
    }));
    bench.connect(Protocol::protobuf);
    std::vector<Query> queries;
    for (uint64_t i = 0; i < 2500; i++) queries.push_back(query(100 + i));
    std::vector<Answer> got;
    bench.on_connected = [&] {
        bench.client->get_encoded_addresses(queries, [&](auto answers) {
            got = answers;
            bench.loop.stop();
        });
    };
    bench.run();
    REQUIRE(got.size() == 2500);
    for (uint32_t i = 0; i < 2500; i++) {
        REQUIRE(got[i].has_value());
        REQUIRE(got[i]->ea == net::Ip::v4(0x0af00000 + 100 + i));
    }
}

TEST_CASE("no answer to hello: V1 on the same connection, protobuf again at the next",
          "[mapper_client]") {
    Bench bench;
    bench.serve(speaks_v1([](ScriptedMapper& server, const wire::V1Packet& packet) {
        auto answer = packet;
        answer.mode = wire::V1Mode::ack;
        std::get<wire::V1GetEa>(answer.body).record.ea = net::Ip::v4(0x0afb86d3);
        server.send(wire::build_v1(answer).value());
    }));
    bench.connect(Protocol::automatic);
    bench.on_connected = [&] {
        bench.client->get_encoded_address(query(1001), [&](Answer answer) {
            REQUIRE(answer);
            CHECK(answer->ea.str() == "10.251.134.211");
            CHECK_FALSE(answer->lifetime);
            if (bench.connected.size() == 2) return bench.loop.stop();
            bench.server->hang_up();
        });
    };
    bench.run();
    CHECK(bench.server->connections == 2);
    CHECK(bench.connected[0].protocol == Protocol::v1);
    CHECK(bench.connected[0].note == "hello is not answered");
    const auto& records = bench.server->records;
    REQUIRE(records.size() == 4);
    CHECK(wire::record_kind(records[2]) == wire::RecordKind::protobuf);
    auto seen = records[1];
    seen[2] = 0x91;  // the id is the client's choice
    seen[3] = 0x4e;
    CHECK(to_hex(seen) ==
          "1147914e4400000e0000000000000000c6336407000000000000000000000000000003e9"
          "04107765622e6578616d706c652e636f6d2e0000");
}

TEST_CASE("a version that the gateway does not know: V1, with its text", "[mapper_client]") {
    Bench bench;
    bench.serve([](ScriptedMapper& server, const std::vector<uint8_t>& record) {
        proto::Frame answer;
        answer.set_version(2);
        answer.set_id(wire::parse_frame(record)->id());
        answer.mutable_failure()->set_code(proto::Failure::UNSUPPORTED_VERSION);
        answer.mutable_failure()->set_text("version 1 is not supported, 2 is");
        server.send(answer);
    });
    bench.connect(Protocol::automatic);
    bench.on_connected = [&] { bench.loop.stop(); };
    bench.run();
    CHECK(bench.connected[0].protocol == Protocol::v1);
    CHECK(bench.connected[0].note == "version 1 is not supported, 2 is");
}

TEST_CASE("V1 forced: no hello; a nack is a refusal, an answer about another is none",
          "[mapper_client]") {
    Bench bench;
    bench.serve(speaks_v1([](ScriptedMapper& server, const wire::V1Packet& packet) {
        auto answer = packet;
        auto& record = std::get<wire::V1GetEa>(answer.body).record;
        answer.mode = record.ipref.ref.low == 13 ? wire::V1Mode::nack : wire::V1Mode::ack;
        if (record.ipref.ref.low == 13) {
            answer.body = wire::V1Nack{7};
        } else {
            record.ipref.ref.low++;
        }
        server.send(wire::build_v1(answer).value());
    }));
    bench.connect(Protocol::v1);
    std::vector<Answer> got;
    bench.on_connected = [&] {
        bench.client->get_encoded_addresses({query(13), query(14)}, [&](auto answers) {
            got = answers;
            bench.loop.stop();
        });
    };
    bench.run();
    CHECK(wire::record_kind(bench.server->records[0]) == wire::RecordKind::v1);
    REQUIRE(got.size() == 2);
    CHECK(got[0].error().reason == Reason::refused);
    CHECK(got[1].error().reason == Reason::bad_answer);
}

TEST_CASE("protobuf forced and not answered: told once, tried again", "[mapper_client]") {
    Bench bench;
    bench.serve([&](ScriptedMapper& server, const std::vector<uint8_t>&) {
        if (server.connections == 3) bench.loop.stop();
    });
    bench.connect(Protocol::protobuf);
    bench.run();
    CHECK(bench.connected.empty());
    REQUIRE(bench.lost.size() == 1);
    CHECK(bench.lost[0] == bench.path +
                               ": hello is not answered; a gateway that knows only V1 needs "
                               "mapper protocol auto");
}

TEST_CASE("while there is no gateway, requests fail at once; it connects when there is one",
          "[mapper_client]") {
    Bench bench;
    bench.connect(Protocol::automatic);
    bool failed = false;
    bench.client->get_encoded_address(query(5), [&](Answer answer) {
        CHECK(answer.error().reason == Reason::disconnected);
        failed = true;
    });
    CHECK(failed);
    failed = false;
    bench.client->publish(host_set(1), [&](auto done) {
        CHECK(done.error().reason == Reason::disconnected);
        failed = true;
    });
    CHECK(failed);
    run::Timer later(bench.loop, [&] { bench.serve(speaks_protobuf(answer_queries)); });
    later.start(Milliseconds(60));
    bench.on_connected = [&] { bench.loop.stop(); };
    bench.run();
    CHECK(bench.lost ==
          std::vector<std::string>{bench.path +
                                   ": No such file or directory; does ipref-gw run, with this as "
                                   "its -mapper-socket?"});
    CHECK(bench.client->server()->program == "ipref-gw");
}

TEST_CASE("a connection that ends fails what is in flight", "[mapper_client]") {
    Bench bench;
    bench.serve(
        speaks_protobuf([](ScriptedMapper& server, const proto::Frame&) { server.hang_up(); }));
    bench.connect(Protocol::automatic);
    std::vector<Reason> reasons;
    bench.on_connected = [&] {
        if (bench.connected.size() == 2) return bench.loop.stop();
        bench.client->get_encoded_address(
            query(5), [&](Answer answer) { reasons.push_back(answer.error().reason); });
        bench.client->confirm({"internal", "example.com"}, 1, 2,
                              [&](auto done) { reasons.push_back(done.error().reason); });
    };
    bench.run();
    CHECK(reasons == std::vector{Reason::disconnected, Reason::disconnected});
    CHECK(bench.lost.size() == 1);
}

TEST_CASE("no answer in time, and one that comes too late", "[mapper_client]") {
    Bench bench;
    std::vector<proto::Frame> frames;
    bench.serve(speaks_protobuf([&](ScriptedMapper& server, const proto::Frame& frame) {
        frames.push_back(frame);
        if (frames.size() == 2) {
            for (const auto& one : frames) answer_queries(server, one);
        }
    }));
    bench.connect(Protocol::protobuf,
                  [](ClientOptions& options) { options.request_timeout = Milliseconds(200); });
    std::vector<std::string> told;
    bench.on_connected = [&] {
        bench.client->get_encoded_address(query(5), [&](Answer first) {
            told.emplace_back(name_of(first.error().reason));
            bench.client->get_encoded_address(query(6), [&](Answer second) {
                told.push_back(second.value().ea.str());
                bench.loop.stop();
            });
        });
    };
    bench.run();
    CHECK(told == std::vector<std::string>{"timed_out", "10.240.0.6"});
}

TEST_CASE("pushes, and garbage that is left out", "[mapper_client]") {
    Bench bench;
    bench.serve(speaks_protobuf([](ScriptedMapper& server, const proto::Frame& frame) {
        server.send({0x47, 0x45, 0x54});
        server.send({0x08, 0x01, 0x1a, 0xff});
        proto::Frame push;
        wire::put_ipref(query(7).ipref, *push.mutable_mappings_changed()->add_dropped());
        server.send(push);
        push.mutable_mappings_changed()->set_all(true);
        server.send(push);
        answer_queries(server, frame);
    }));
    bench.connect(Protocol::protobuf);
    bench.on_connected = [&] {
        bench.client->get_encoded_address(query(5), [&](Answer answer) {
            CHECK(answer);
            bench.loop.stop();
        });
    };
    bench.run();
    CHECK(bench.ignored.size() == 2);
    REQUIRE(bench.dropped.size() == 2);
    CHECK(bench.dropped[0].iprefs == std::vector{query(7).ipref});
    CHECK(bench.dropped[1].all);
}

TEST_CASE("too many at once are refused, the others are not", "[mapper_client]") {
    Bench bench;
    bench.serve(speaks_protobuf(answer_queries));
    bench.connect(Protocol::protobuf, [](ClientOptions& options) { options.most_queries = 2; });
    std::vector<std::string> told;
    bench.on_connected = [&] {
        for (uint64_t i = 1; i <= 3; i++) {
            bench.client->get_encoded_address(query(i), [&](Answer answer) {
                told.push_back(answer ? answer->ea.str() : name_of(answer.error().reason));
                if (told.size() == 3) bench.loop.stop();
            });
        }
    };
    bench.run();
    CHECK(told == std::vector<std::string>{"too_many", "10.240.0.1", "10.240.0.2"});
}

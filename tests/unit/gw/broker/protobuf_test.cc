// SPDX-License-Identifier: GPL-2.0-or-later
#include "server.h"

using namespace ipref;
using namespace ipref::gw;
using proto::Failure;

namespace {

wire::Host host(std::string_view host_ip, std::string_view ref) {
    return {ip(host_ip), at("203.0.113.1", ref)};
}

/// One frame of a set of internal:example.com.
proto::Frame data_frame(uint64_t id, const std::vector<wire::Host>& add, uint64_t hash, bool last) {
    auto frame = frame_with_id(id);
    auto& data = *frame.mutable_host_data();
    data.set_local_domain("internal");
    data.set_public_domain("example.com");
    data.set_batch(id);
    data.set_hash(hash);
    data.set_last(last);
    for (const auto& one : add) wire::put_host(one, *data.add_add());
    return frame;
}

proto::Frame hash_frame(uint64_t id, uint64_t hash, uint32_t count) {
    auto frame = frame_with_id(id);
    frame.mutable_host_data_hash()->set_local_domain("internal");
    frame.mutable_host_data_hash()->set_public_domain("example.com");
    frame.mutable_host_data_hash()->set_hash(hash);
    frame.mutable_host_data_hash()->set_count(count);
    return frame;
}

const std::vector<wire::Host> kWeb = {host("10.1.0.33", "1033")};
const std::vector<wire::Host> kBoth = {host("10.1.0.33", "1033"), host("10.1.0.34", "1034")};

}  // namespace

TEST_CASE("hello tells the sites", "[broker]") {
    Server server;
    const Peer peer(server);
    auto request = frame_with_id(5);
    request.mutable_hello()->set_program("ipref-coredns");
    const auto answer = peer.ask(request);
    CHECK(answer.id() == 5);
    CHECK(answer.version() == 1);
    CHECK(answer.hello().program() == "ipref-gw");
    REQUIRE(answer.hello().sites_size() == 1);
    CHECK(answer.hello().sites(0).encode_net() == wire::bytes_of(ip("10.240.0.0")));
    CHECK(answer.hello().sites(0).encode_net_bits() == 12);
    CHECK(answer.hello().sites(0).gateway_pub() == wire::bytes_of(ip("203.0.113.1")));
}

TEST_CASE("what is not a known request is answered by a failure", "[broker]") {
    Server server;
    const Peer peer(server);
    auto newer = get_frame(9, {});
    newer.set_version(2);
    auto answer = peer.ask(newer);
    CHECK(answer.id() == 9);
    CHECK(answer.failure().code() == Failure::UNSUPPORTED_VERSION);
    CHECK_THAT(answer.failure().text(), Catch::Contains("version 2"));
    CHECK(peer.ask(frame_with_id(3)).failure().code() == Failure::BAD_REQUEST);
    auto ours = frame_with_id(4);
    ours.mutable_ack();
    CHECK(peer.ask(ours).failure().code() == Failure::BAD_REQUEST);
    peer.send(hex("08 01 ff ff ff"));
    answer = peer.receive_frame();
    CHECK(answer.id() == 0);
    CHECK(answer.failure().code() == Failure::BAD_REQUEST);
    auto many = get_frame(6, std::vector<net::IpRef>(1001, at("198.51.100.7", "1")));
    CHECK(peer.ask(many).failure().code() == Failure::BAD_REQUEST);
    CHECK(server.table.count(Relation::remote) == 0);
    for (auto* request : {"peers", "counters"}) {
        auto frame = frame_with_id(7);
        std::string(request) == "peers" ? (void)frame.mutable_peers_request()
                                        : (void)frame.mutable_counters_request();
        CHECK(peer.ask(frame).failure().code() == Failure::BAD_REQUEST);
    }
}

TEST_CASE("encoded addresses, many at a time, each refusal by itself", "[broker]") {
    Server server({}, {}, true);
    const Peer peer(server);
    auto request = get_frame(5, {at("198.51.100.7", "1001"), at("127.0.0.1", "1001"),
                                 at("2001:db8::7", "1001"), at("198.51.100.7", "1002")});
    auto* odd = request.mutable_get_encoded_addresses()->add_queries();
    odd->mutable_ipref()->set_gw("xx");
    auto* v6_ea = request.mutable_get_encoded_addresses()->add_queries();
    wire::put_ipref(at("198.51.100.7", "1001"), *v6_ea->mutable_ipref());
    v6_ea->set_ea_family(6);
    const auto answer = peer.ask(request);
    REQUIRE(answer.encoded_addresses().answers_size() == 6);
    const auto& answers = answer.encoded_addresses().answers();
    CHECK(server.table.theirs(*wire::ip_from(answers[0].ea())) == at("198.51.100.7", "1001"));
    CHECK(answers[0].lifetime() == kMappingLife);
    CHECK(answers[1].ea().empty());
    CHECK(answers[1].failure().code() == Failure::NOT_UNICAST);
    CHECK(answers[2].failure().code() == Failure::FAMILY);
    CHECK(server.table.theirs(*wire::ip_from(answers[3].ea())) == at("198.51.100.7", "1002"));
    CHECK(answers[4].failure().code() == Failure::BAD_REQUEST);
    CHECK(answers[5].failure().code() == Failure::FAMILY);
}

TEST_CASE("answered means on disk", "[broker]") {
    Server server({}, {}, true);
    const Peer peer(server);
    for (uint64_t id = 1; id <= 200; id++)
        peer.send(get_frame(id, {{ip("198.51.100.7"), {0, id}}}));
    for (uint64_t id = 1; id <= 200; id++) {
        const auto answer = peer.receive_frame();
        CHECK(answer.id() == id);
        CHECK(answer.has_encoded_addresses());
    }
    bool stored = false;
    server.store->when_durable([&](const auto& outcome) { stored = outcome.has_value(); });
    CHECK(stored);  // at once: nothing that was answered is still on its way
}

TEST_CASE("a set is applied when its last frame has come", "[broker]") {
    Server server({}, {}, true);
    const Peer peer(server);
    const uint64_t hash = wire::hash_of(kBoth);
    peer.send(data_frame(1, {kBoth[0]}, hash, false));
    CHECK(peer.ask(hash_frame(2, hash, 2)).failure().code() == Failure::UNKNOWN_HASH);
    CHECK(server.table.count(Relation::local) == 0);
    const auto answer = peer.ask(data_frame(1, {kBoth[1]}, hash, true));
    CHECK(answer.id() == 1);
    REQUIRE(answer.has_ack());
    CHECK(answer.ack().rejected() == 0);
    CHECK(server.table.host(kBoth[0].ipref) == kBoth[0].ip);
    CHECK(server.table.host(kBoth[1].ipref) == kBoth[1].ip);
    CHECK(peer.ask(hash_frame(3, hash, 2)).has_ack());
    CHECK(peer.ask(hash_frame(3, hash, 1)).failure().code() == Failure::UNKNOWN_HASH);
}

TEST_CASE("nothing of a set is applied if the connection ends before its last frame", "[broker]") {
    Server server;
    const uint64_t hash = wire::hash_of(kBoth);
    {
        const Peer peer(server);
        peer.send(data_frame(1, {kBoth[0]}, hash, false));
        CHECK(peer.ask(get_frame(2, {})).id() == 2);
    }
    CHECK(server.until([&] { return server.broker->clients() == 0; }));
    const Peer peer(server);
    CHECK(peer.ask(data_frame(3, kWeb, wire::hash_of(kWeb), true)).has_ack());
    CHECK(server.table.count(Relation::local) == 1);
}

TEST_CASE("differences", "[broker]") {
    Server server;
    const Peer peer(server);
    const uint64_t web = wire::hash_of(kWeb);
    const uint64_t both = wire::hash_of(kBoth);
    CHECK(peer.ask(data_frame(1, kWeb, web, true)).has_ack());
    auto change = data_frame(2, {kBoth[1]}, both, true);
    change.mutable_host_data()->set_difference(true);
    change.mutable_host_data()->set_base_hash(both);
    CHECK(peer.ask(change).failure().code() == Failure::UNKNOWN_HASH);
    CHECK(server.table.count(Relation::local) == 1);
    change.mutable_host_data()->set_base_hash(web);
    CHECK(peer.ask(change).has_ack());
    CHECK(peer.ask(hash_frame(3, both, 2)).has_ack());
    auto back = data_frame(4, {}, web, true);
    back.mutable_host_data()->set_difference(true);
    back.mutable_host_data()->set_base_hash(both);
    wire::put_host(kBoth[1], *back.mutable_host_data()->add_remove());
    CHECK(peer.ask(back).has_ack());
    CHECK(peer.ask(hash_frame(5, web, 1)).has_ack());
}

TEST_CASE("sets that are refused, once for all their frames", "[broker]") {
    BrokerOptions options;
    options.set_hosts = 1;
    Server server(options);
    const Peer peer(server);
    const auto code = [&](const proto::Frame& frame) { return peer.ask(frame).failure().code(); };
    CHECK(code(data_frame(1, kWeb, 42, true)) == Failure::BAD_REQUEST);  // not its hash
    peer.send(data_frame(2, kBoth, 42, false));
    CHECK(peer.receive_frame().failure().code() == Failure::LIMIT);
    peer.send(data_frame(2, kWeb, 42, false));  // no answer
    peer.send(data_frame(2, kWeb, 42, true));   // no answer
    CHECK(peer.ask(get_frame(3, {})).id() == 3);
    auto nameless = data_frame(4, kWeb, wire::hash_of(kWeb), true);
    nameless.mutable_host_data()->set_local_domain(std::string(256, 'x'));
    CHECK(code(nameless) == Failure::BAD_REQUEST);
    auto odd = data_frame(5, kWeb, wire::hash_of(kWeb), true);
    odd.mutable_host_data()->mutable_add(0)->set_ip("123");
    CHECK(code(odd) == Failure::BAD_REQUEST);
    auto removes = data_frame(6, kWeb, wire::hash_of(kWeb), true);
    wire::put_host(kWeb[0], *removes.mutable_host_data()->add_remove());
    CHECK(code(removes) == Failure::BAD_REQUEST);
    CHECK(server.table.count(Relation::local) == 0);
    CHECK(peer.ask(data_frame(7, kWeb, wire::hash_of(kWeb), true)).has_ack());
}

TEST_CASE("hosts that conflict are counted and named", "[broker]") {
    Server server;
    server.table.replace(kHosts, {local("10.1.0.99", "203.0.113.1", "1033")}, {});
    const Peer peer(server);
    const auto answer = peer.ask(data_frame(1, kBoth, wire::hash_of(kBoth), true));
    CHECK(answer.ack().rejected() == 1);
    REQUIRE(answer.ack().reasons_size() == 1);
    CHECK(answer.ack().reasons(0) == "10.1.0.33 = 203.0.113.1 + 1033: held by hosts file");
    CHECK(peer.ask(hash_frame(2, wire::hash_of(kBoth), 2)).has_ack());
}

TEST_CASE("a source that is withdrawn", "[broker]") {
    Server server;
    const Peer peer(server);
    CHECK(peer.ask(data_frame(1, kWeb, wire::hash_of(kWeb), true)).has_ack());
    auto frame = frame_with_id(2);
    frame.mutable_withdraw()->set_local_domain("internal");
    frame.mutable_withdraw()->set_public_domain("example.com");
    CHECK(peer.ask(frame).has_ack());
    CHECK(server.table.count(Relation::local) == 0);
}

TEST_CASE("who has said hello is told of dropped mappings", "[broker]") {
    Server server;
    const Peer resolver(server);
    const Peer silent(server);
    auto hello = frame_with_id(1);
    hello.mutable_hello()->set_program("ipref-coredns");
    CHECK(resolver.ask(hello).has_hello());
    CHECK(silent.ask(get_frame(1, {at("198.51.100.7", "1001")})).id() == 1);
    server.later(kMappingLife);
    server.sweep_all();
    const auto push = resolver.receive_frame();
    CHECK(push.id() == 0);
    REQUIRE(push.mappings_changed().dropped_size() == 1);
    CHECK(wire::ipref_from(push.mappings_changed().dropped(0)) == at("198.51.100.7", "1001"));
    CHECK(silent.ask(get_frame(2, {})).id() == 2);
}

TEST_CASE("status tells who is connected, and which source is about to end", "[broker]") {
    Server server;
    const Peer peer(server);
    auto frame = frame_with_id(1);
    frame.mutable_hello()->set_program("agent\x1b\xc3\xa9");
    CHECK(peer.ask(frame).has_hello());
    CHECK(peer.ask(data_frame(2, kWeb, wire::hash_of(kWeb), true)).has_ack());
    const auto ask = [&] {
        auto request = frame_with_id(3);
        request.mutable_status_request();
        return peer.ask(request).status();
    };
    auto status = ask();
    CHECK(status.programs().at("agent???") == 1);
    CHECK(status.sources(0).expires());
    CHECK(status.problems().empty());
    server.later(kMappingLife - 600);
    status = ask();
    REQUIRE(status.problems_size() == 1);
    CHECK(status.problems(0).starts_with("source internal:example.com was confirmed 230 minutes"));
}

TEST_CASE("status and mappings", "[broker]") {
    BrokerSources sources;
    sources.status = [](proto::Status& status) { status.set_tun("tun7"); };
    Server server({}, std::move(sources));
    const Peer peer(server);
    CHECK(peer.ask(data_frame(1, kWeb, wire::hash_of(kWeb), true)).has_ack());
    for (uint64_t i = 0; i < 700; i++) {
        REQUIRE(server.table.encode({ip("198.51.100.7"), {0, i}}, v4));
    }
    auto frame = frame_with_id(2);
    frame.mutable_status_request();
    const auto status = peer.ask(frame).status();
    CHECK(status.tun() == "tun7");
    CHECK(status.remote_mappings() == 700);
    CHECK(status.local_mappings() == 1);
    CHECK(status.clients() == 1);
    REQUIRE(status.sources_size() == 1);
    CHECK(status.sources(0).name() == "internal:example.com");
    CHECK(status.sources(0).hosts() == 1);

    int rows = 0;
    int pages = 0;
    frame = frame_with_id(3);
    frame.mutable_mappings_request();
    do {
        const auto page = peer.ask(frame).mappings();
        rows += page.mappings_size();
        pages++;
        frame.mutable_mappings_request()->set_cursor(page.next());
    } while (!frame.mappings_request().cursor().empty() && pages < 100);
    CHECK(rows == 702);  // and the gateway's own
    CHECK(pages == 2);
    frame.mutable_mappings_request()->set_host("10.1.0.33");
    CHECK(peer.ask(frame).mappings().mappings_size() == 1);
    for (const auto* bad : {"host", "cursor", "ref"}) {
        auto wrong = frame_with_id(4);
        auto& request = *wrong.mutable_mappings_request();
        if (std::string(bad) == "host") request.set_host("not an address");
        if (std::string(bad) == "cursor") request.set_cursor("x");
        if (std::string(bad) == "ref") request.set_ref("x");
        CHECK_THAT(peer.ask(wrong).failure().text(), Catch::StartsWith(bad));
    }
}

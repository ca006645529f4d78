// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/show.h"

#include <nlohmann/json.hpp>

#include "common/wire/mapper_frame.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw::admin;

namespace {

std::string ip(std::string_view text) {
    return wire::bytes_of(net::Ip::parse(text).value());
}

proto::Status status() {
    proto::Status s;
    s.set_release("1.2.3");
    s.set_commit("abc");
    s.set_uptime_seconds(303);
    auto& site = *s.add_sites();
    site.set_encode_net(ip("10.240.0.0"));
    site.set_encode_net_bits(12);
    site.set_gateway_pub(ip("203.0.113.5"));
    s.add_gateway_bind(ip("2001:db8::1"));
    s.set_gateway_port(1045);
    s.set_tun("tun0");
    s.set_tun_mtu(1460);
    s.set_threads(2);
    s.set_remote_mappings(7);
    s.set_local_mappings(3);
    s.set_peers(2);
    s.set_active_peers(1);
    s.set_clients(3);
    (*s.mutable_programs())["ipref-coredns"] = 1;
    (*s.mutable_offloads())["tun-tso"] = "on";
    (*s.mutable_offloads())["udp-gso"] = "off: no such kernel";
    auto& source = *s.add_sources();
    source.set_name("internal:example.com");
    source.set_hosts(3);
    source.set_hash(0xbeef);
    source.set_confirmed_seconds_ago(60);
    source.set_expires(true);
    return s;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("status as text says what runs, and what is wrong", "[admin]") {
    auto s = status();
    auto text = status_text(s);
    for (const auto* part :
         {"ipref-gw 1.2.3 (abc), up 5 min 3 s", "health        healthy",
          "encode network 10.240.0.0/12, known as 203.0.113.5", "UDP [2001:db8::1]:1045",
          "tun0, MTU 1460, 2 threads", "tun-tso\n", "udp-gso off: no such kernel",
          "7 of remote hosts, 3 of ours", "3: 1 ipref-coredns, 2 V1", "internal:example.com",
          "1 min ago", "2, 1 of them"}) {
        INFO(text);
        CHECK(has(text, part));
    }
    CHECK(status_exit(s) == 0);
    s.add_problems("disk full");
    CHECK(status_exit(s) == 1);
    text = status_text(s);
    CHECK(has(text, "degraded\n"));
    CHECK(has(text, "disk full\n"));
}

TEST_CASE("status as JSON has its schema, numbers as numbers, and null for what is not there") {
    auto s = status();
    auto json = nlohmann::json::parse(status_json(s));
    CHECK(json["schema"] == "ipref.status/1");
    CHECK(json["health"] == "healthy");
    CHECK(json["problems"].empty());
    CHECK(json["uptime"] == 303);
    CHECK(json["sites"][0]["encode_net"] == "10.240.0.0/12");
    CHECK(json["listening"][0] == "[2001:db8::1]:1045");
    CHECK(json["tun"]["mtu"] == 1460);
    CHECK(json["offloads"]["tun-tso"] == "on");
    CHECK(json["mappings"]["remote"] == 7);
    CHECK(json["peers"]["active"] == 1);
    CHECK(json["clients"]["programs"]["ipref-coredns"] == 1);
    CHECK(json["sources"][0]["hash"] == "000000000000beef");
    CHECK(json["sources"][0]["expires"] == true);
    s.clear_tun();
    s.add_problems("bad\x1b[2J");
    json = nlohmann::json::parse(status_json(s));
    CHECK(json["tun"].is_null());
    CHECK(json["health"] == "degraded");
}

TEST_CASE("status shows what agents do about their sources", "[admin]") {
    auto s = status();
    auto& agent = *s.add_agents();
    agent.set_client("client 3 (process 812, user 997, group 996)");
    agent.set_release("1.2.3");
    CHECK(has(status_text(s), "it has told of no source"));
    auto& source = *agent.add_sources();
    source.set_local_domain("internal");
    source.set_public_domain("example.com");
    source.set_hosts(10);
    source.set_skipped(2);
    source.set_trouble("2 of 3 servers agree");
    auto& good = *source.add_servers();
    good.set_server("192.0.2.1:53");
    good.set_serial(2026112501);
    good.set_succeeded_seconds_ago(3);
    good.set_next_in_seconds(3480);
    auto& bad = *source.add_servers();
    bad.set_server("192.0.2.2:53");
    bad.set_error("no connection\x1b[2J");
    s.set_reports_left_out(1);
    const auto text = status_text(s);
    INFO(text);
    for (const auto* part :
         {"agent client 3 (process 812, user 997, group 996), ipref-dns-agent 1.2.3\n",
          "internal:example.com  10, 2 skipped  192.0.2.1:53  2026112501       3 s ago  in 58 min",
          "192.0.2.2:53        none         never  now        no connection?[2J\n",
          "internal:example.com: 2 of 3 servers agree\n", "1 more source of agents not shown"}) {
        CHECK(has(text, part));
    }
    const auto json = nlohmann::json::parse(status_json(s));
    const auto& told = json["agents"][0]["sources"][0];
    CHECK(json["agents"][0]["release"] == "1.2.3");
    CHECK(json["reports_left_out"] == 1);
    CHECK(told["name"] == "internal:example.com");
    CHECK(told["hosts"] == 10);
    CHECK(told["skipped"] == 2);
    CHECK(told["trouble"] == "2 of 3 servers agree");
    CHECK(told["servers"][0]["serial"] == 2026112501);
    CHECK(told["servers"][0]["succeeded_ago"] == 3);
    CHECK(told["servers"][0]["next_in"] == 3480);
    CHECK(told["servers"][0]["error"].is_null());
    CHECK(told["servers"][1]["serial"].is_null());
    CHECK(told["servers"][1]["next_in"].is_null());
    CHECK(told["servers"][1]["error"] == "no connection\x1b[2J");
}

TEST_CASE("what others say cannot write to the terminal", "[admin]") {
    auto s = status();
    s.add_problems("bad\x1b[2J\n");
    (*s.mutable_programs())["x\x1by"] = 1;
    const auto text = status_text(s);
    CHECK_FALSE(has(text, "\x1b"));
    CHECK(has(text, "bad?[2J?"));
}

TEST_CASE("peers show what is learnt, and what is not", "[admin]") {
    proto::Peers::Peer heard;
    heard.set_ip(ip("198.51.100.9"));
    heard.set_port(40000);
    heard.set_learned(true);
    heard.set_path_mtu(1400);
    heard.set_received_packets(5);
    heard.set_received_bytes(12'345);
    heard.set_heard(true);
    heard.set_last_received_seconds_ago(3);
    proto::Peers::Peer silent;
    silent.set_ip(ip("2001:db8::9"));
    silent.set_port(1045);
    const auto text = peers_text({heard, silent});
    INFO(text);
    CHECK(has(text, "198.51.100.9:40000"));
    CHECK(has(text, "learnt"));
    CHECK(has(text, "12 kB"));
    CHECK(has(text, "3 s ago"));
    CHECK(has(text, "[2001:db8::9]:1045"));
    CHECK(has(text, "never"));
    const auto json = nlohmann::json::parse(peers_json({heard, silent}));
    CHECK(json["schema"] == "ipref.peers/1");
    CHECK(json["peers"][0]["path_mtu"] == 1400);
    CHECK(json["peers"][0]["heard_ago"] == 3);
    CHECK(json["peers"][1]["path_mtu"].is_null());
    CHECK(json["peers"][1]["heard_ago"].is_null());
    CHECK(nlohmann::json::parse(peers_json({}))["peers"].empty());
    CHECK(has(peers_text({}), "no peers"));
}

TEST_CASE("drops come with the sentence that explains them", "[admin]") {
    proto::Counters counters;
    (*counters.mutable_counters())["a{side=\"tun\"}"] = 5;
    CHECK(drops_text(counters) == "no packet was dropped\n");
    auto& drop = *counters.add_reasons();
    drop.set_reason("ttl_expired");
    drop.set_out(1);
    drop.set_in(2);
    drop.set_text("TTL expired");
    CHECK(drops_text(counters) ==
          "reason       into tunnel  out of it  meaning\n"
          "ttl_expired            1          2  TTL expired\n");
    const auto json = nlohmann::json::parse(drops_json(counters));
    CHECK(json["schema"] == "ipref.drops/1");
    CHECK(json["drops"][0]["count"] == 3);
    CHECK(json["drops"][0]["text"] == "TTL expired");
    CHECK(nlohmann::json::parse(counters_json(counters))["counters"]["a{side=\"tun\"}"] == 5);
    CHECK(has(counters_text(counters), "a{side=\"tun\"}      5"));
}

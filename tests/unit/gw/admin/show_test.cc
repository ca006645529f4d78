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

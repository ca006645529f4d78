// SPDX-License-Identifier: GPL-2.0-or-later
// Conversations in V1 as the spec has them, byte for byte.
#include "server.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

const std::string kDomains = "0408696e7465726e616c0000040b6578616d706c652e636f6d000000";
const std::string kGet =
    "1147914e4400000e0000000000000000c6336407000000000000000000000000000003e9"
    "04107765622e6578616d706c652e636f6d2e0000";
const std::string kFirstHost = "000000000a010021cb00710100000000000000000000000000000409";
const std::string kSecondHost = "000000000a010022cb0071010000000000000000000000000000040a";
const std::string kHostData =
    "114ef3c54400001a0000123473bc4a6462a93661" + kDomains + kFirstHost + kSecondHost;
const std::string kHostDataAck = "118ef3c54400000c0000123473bc4a6462a93661" + kDomains;
const std::string kHash = "114fe1814400000c0000000273bc4a6462a93661" + kDomains;
const std::string kHashAck = "118fe1814400000c0000000273bc4a6462a93661" + kDomains;

}  // namespace

TEST_CASE("a V1 resolver gets the recorded answer", "[v1]") {
    Server server({}, {}, true);
    const Peer peer(server);
    const std::string answer = peer.ask(kGet);
    const auto ea = server.table.known_ea(at("198.51.100.7", "1001"), v4);
    REQUIRE(ea);
    CHECK(answer == "1187914e44000009" + hex(Bytes(ea->data(), ea->data() + 4)) +
                        "00000000c6336407000000000000000000000000000003e9");
    CHECK(peer.ask(kGet) == answer);
}

TEST_CASE("a V1 resolver is refused by a header alone", "[v1]") {
    Server server;
    const Peer peer(server);
    std::string loopback = kGet;
    loopback.replace(loopback.find("c6336407"), 8, "7f000001");
    CHECK(peer.ask(loopback) == "11c7914e44000002");
}

TEST_CASE("a V1 agent gets the recorded answers", "[v1]") {
    Server server({}, {}, true);
    const Peer peer(server);
    CHECK(peer.ask(kHostData) == kHostDataAck);
    CHECK(server.table.host(at("203.0.113.1", "1033")) == ip("10.1.0.33"));
    CHECK(server.table.host(at("203.0.113.1", "1034")) == ip("10.1.0.34"));
    CHECK(peer.ask(kHash) == kHashAck);
    CHECK(peer.ask("114f3f604400000c000000030123456789abcdef" + kDomains) ==
          "11cf3f604400000c000000030123456789abcdef" + kDomains);
}

TEST_CASE("a V1 set comes in packets with the same hash, another hash begins a new one", "[v1]") {
    Server server;
    const Peer peer(server);
    const std::string head = "114ef3c5440000130000123473bc4a6462a93661" + kDomains;
    const std::string ack = "118ef3c54400000c0000123473bc4a6462a93661" + kDomains;
    CHECK(peer.ask(head + kFirstHost) == ack);
    CHECK(peer.ask(kHash) == "11cf" + kHashAck.substr(4));  // one of two so far
    CHECK(peer.ask(head + kSecondHost) == ack);
    CHECK(peer.ask(head + kSecondHost) == ack);  // its ack was lost, say
    CHECK(peer.ask(kHash) == kHashAck);
    CHECK(server.table.count(Relation::local) == 2);

    const std::string other = "114ef3c544000013000012341111111111111111" + kDomains + kSecondHost;
    CHECK(peer.ask(other) == "118ef3c54400000c000012341111111111111111" + kDomains);
    CHECK(server.table.count(Relation::local) == 1);
    CHECK(!server.table.host(at("203.0.113.1", "1033")));
    CHECK(server.table.host(at("203.0.113.1", "1034")) == ip("10.1.0.34"));
}

TEST_CASE("a request in the self-describing variant is answered in it", "[v1]") {
    Server server;
    const Peer peer(server);
    const std::string get =
        "1147914e0000000f"
        "04040404"
        "0000000000000000c6336407"
        "000000000000000000000000000003e9"
        "04107765622e6578616d706c652e636f6d2e0000";
    const std::string answer = peer.ask(get);
    const auto ea = server.table.known_ea(at("198.51.100.7", "1001"), v4);
    REQUIRE(ea);
    CHECK(answer == "1187914e0000000a04040404" + hex(Bytes(ea->data(), ea->data() + 4)) +
                        "00000000c6336407000000000000000000000000000003e9");
    const std::string hosts = "114ef3c50000001c0000123473bc4a6462a93661" + kDomains + "04040404" +
                              kFirstHost + "04040404" + kSecondHost;
    CHECK(peer.ask(hosts) == "118ef3c50000000c0000123473bc4a6462a93661" + kDomains);
    CHECK(peer.ask(kHash) == kHashAck);
}

TEST_CASE("malformed V1 packets get no answer, and the connection stays", "[v1]") {
    Server server;
    const Peer peer(server);
    const std::vector<std::string> bad = {
        kGet.substr(0, 14),                             // shorter than a header
        kGet.substr(0, 12) + "000f" + kGet.substr(16),  // length field wrong
        "12" + kGet.substr(2),                          // signature
        kGet.substr(0, 8) + "45" + kGet.substr(10),     // no such IP version
        kGet.substr(0, 10) + "01" + kGet.substr(12),    // reserved byte
        kGet.substr(0, kGet.size() - 8),                // cut off
        kHashAck,                                       // an answer to nothing
        "",                                             // empty
        "1100000144000002",                             // NOOP: no answer either
    };
    for (const auto& record : bad) peer.send(hex(record));
    CHECK(peer.ask(kGet).substr(0, 16) == "1187914e44000009");
    CHECK(server.broker->clients() == 1);
}

TEST_CASE("a source whose name is no text is not taken: listings stay readable", "[v1]") {
    Server server;
    const Peer peer(server);
    for (const auto* letter : {"ff", "00", "3a", "20"}) {
        std::string named = kHostData;
        named.replace(named.find("0408696e"), 8, std::string("0408") + letter + "6e");
        peer.send(hex(named));
    }
    CHECK(peer.ask(kHostData) == kHostDataAck);
    auto request = frame_with_id(1);
    request.mutable_status_request();
    CHECK(peer.ask(request).status().sources_size() == 1);
}

TEST_CASE("both protocols on one connection", "[v1]") {
    Server server;
    const Peer peer(server);
    const auto answer = peer.ask(get_frame(7, {at("198.51.100.7", "1001")}));
    const auto ea = wire::ip_from(answer.encoded_addresses().answers(0).ea());
    REQUIRE(ea);
    CHECK(peer.ask(kGet).substr(16, 8) == hex(Bytes(ea->data(), ea->data() + 4)));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Against ldns, an implementation of others, and by itself.
#include "common/dns/tsig.h"

#include <sys/stat.h>

#include <fstream>

#include "common/dns/ldns.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::dns;
using namespace ipref::test;

namespace {

constexpr uint64_t kNow = 1'700'000'000;

TsigKey key_of(TsigAlgorithm algorithm) {
    return {Name::parse("Key.example").value(), algorithm, std::vector<uint8_t>(40, 'k')};
}

const char* const kSecret64 = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==";

Message signed_by_ldns(const Message& message, const TsigKey& key, uint16_t fudge = 300) {
    ldns_pkt* raw = nullptr;
    REQUIRE(ldns_wire2pkt(&raw, message.data(), message.size()) == LDNS_STATUS_OK);
    const LdnsPkt packet(raw);
    const std::string algorithm = std::string(name_of(key.algorithm)) + ".";
    REQUIRE(ldns_pkt_tsig_sign(raw, "key.example.", kSecret64, fudge, algorithm.c_str(), nullptr) ==
            LDNS_STATUS_OK);
    uint8_t* wire = nullptr;
    size_t size = 0;
    REQUIRE(ldns_pkt2wire(&wire, raw, &size) == LDNS_STATUS_OK);
    Message out(wire, wire + size);
    std::free(wire);
    return out;
}

std::string flaw(TsigSession& session, const Message& message, uint64_t now = kNow) {
    const auto fine = session.verify(message, now);
    return fine ? "" : fine.error().text;
}

}  // namespace

TEST_CASE("ldns agrees with what is signed, and is agreed with", "[tsig]") {
    const auto key = key_of(TsigAlgorithm::sha256);  // ldns knows no longer ones
    const auto query = query_for("example.com", rr::kAxfr, 7);
    const auto now = static_cast<uint64_t>(time(nullptr));
    TsigSession session(key);
    const auto out = session.sign(query, now);
    ldns_pkt* raw = nullptr;
    REQUIRE(ldns_wire2pkt(&raw, out.data(), out.size()) == LDNS_STATUS_OK);
    const LdnsPkt packet(raw);
    CHECK(ldns_pkt_tsig_verify(raw, out.data(), out.size(), "key.example.", kSecret64, nullptr));
    TsigSession other(key);
    CHECK(flaw(other, signed_by_ldns(query, key), now).empty());
}

TEST_CASE("both ends of each algorithm", "[tsig]") {
    const auto query = query_for("example.com", rr::kAxfr, 7);
    for (const auto algorithm :
         {TsigAlgorithm::sha256, TsigAlgorithm::sha384, TsigAlgorithm::sha512}) {
        TsigSession client(key_of(algorithm));
        TsigSession server(key_of(algorithm));
        const auto out = client.sign(query, kNow);
        CHECK(find_tsig(out).value()->mac.size() == 32 + 16 * static_cast<size_t>(algorithm));
        CHECK(flaw(server, out).empty());
        CHECK(flaw(client, server.sign(reply_to(query, 0, {}), kNow)).empty());
    }
}

TEST_CASE("an exchange of many messages, some of them unsigned", "[tsig]") {
    const auto key = key_of(TsigAlgorithm::sha256);
    const auto query = query_for("example.com", rr::kAxfr, 7);
    TsigSession client(key);
    TsigSession server(key);
    CHECK(flaw(server, client.sign(query, kNow)).empty());
    for (int i = 0; i < 3; i++) {
        const auto one = reply_to(query, 0, {fmt::format("h{}.example.com. 1 IN A 1.2.3.4", i)});
        CHECK(flaw(client, server.sign(one, kNow + 10), kNow + 10).empty());
        CHECK(client.settled());
    }
    const auto plain = reply_to(query, 0, {});
    CHECK(flaw(client, plain).empty());
    CHECK_FALSE(client.settled());
    // The server did not count that message: the next signature does not cover it.
    CHECK(flaw(client, server.sign(plain, kNow)) == "its signature is wrong");
}

TEST_CASE("too many messages without a signature", "[tsig]") {
    const auto key = key_of(TsigAlgorithm::sha256);
    const auto query = query_for("example.com", rr::kAxfr, 7);
    const auto plain = reply_to(query, 0, {});
    TsigSession client(key);
    TsigSession server(key);
    CHECK(flaw(server, client.sign(query, kNow)).empty());
    CHECK(flaw(client, server.sign(plain, kNow)).empty());
    for (size_t i = 0; i < TsigSession::kMostUnsigned; i++) REQUIRE(flaw(client, plain).empty());
    CHECK(flaw(client, plain) == "it is not signed");
}

TEST_CASE("every changed byte breaks the signature", "[tsig]") {
    const auto key = key_of(TsigAlgorithm::sha512);
    const auto query = query_for("example.com", rr::kAxfr, 7);
    TsigSession client(key);
    const auto good = client.sign(query, kNow);
    for (size_t i = 2; i < good.size(); i++) {  // the id is the sender's to change
        auto bad = good;
        bad[i] ^= 0x01;
        TsigSession server(key);
        CHECK_FALSE(flaw(server, bad).empty());
    }
    auto renamed = good;
    renamed[0] ^= 0xff;
    TsigSession server(key);
    CHECK(flaw(server, renamed).empty());
}

TEST_CASE("clocks, other keys, no key, and what a server refuses", "[tsig]") {
    const auto key = key_of(TsigAlgorithm::sha256);
    const auto query = query_for("example.com", rr::kAxfr, 7);
    TsigSession client(key);
    const auto good = client.sign(query, kNow);
    TsigSession late(key);
    CHECK(flaw(late, good, kNow + 301) == "it was signed 301 s from now");
    TsigSession early(key);
    CHECK(flaw(early, good, kNow - 300).empty());
    auto other = key;
    other.name = Name::parse("other").value();
    TsigSession stranger(other);
    CHECK(flaw(stranger, good) == "it is signed with key Key.example. hmac-sha256.");
    TsigSession bare(key);
    CHECK(flaw(bare, query) == "it is not signed");
}

TEST_CASE("keys as they are given", "[tsig]") {
    const TemporaryDirectory directory;
    const auto path = directory.file("secret");
    const auto write = [&](const std::string& text, mode_t mode) {
        std::ofstream(path) << text;
        chmod(path.c_str(), mode);
    };
    const auto refused = [&](const std::string& text) {
        const auto key = parse_tsig(text);
        return key ? "" : key.error().text;
    };
    write("MDEyMzQ1Njc4OWFiY2RlZg==\n", 0640);
    const auto key = parse_tsig("k.example:HMAC-SHA384:" + path);
    REQUIRE(key);
    CHECK(key->name.str() == "k.example.");
    CHECK(key->algorithm == TsigAlgorithm::sha384);
    CHECK(std::string(key->secret.begin(), key->secret.end()) == "0123456789abcdef");
    CHECK(refused("k:hmac-md5:" + path).find("\"hmac-md5\" is no algorithm") == 0);
    CHECK(refused("k:hmac-sha256") == "\"k:hmac-sha256\": write NAME:ALG:SECRET-FILE");
    CHECK(refused("k:hmac-sha256:/nowhere") == "secret file /nowhere: No such file or directory");
    write("MDEyMzQ1Njc4OWFiY2RlZg==", 0644);
    CHECK(refused("k:hmac-sha256:" + path) ==
          "secret file " + path + ": everybody may use it (mode 0644); chmod 0640 it");
    for (const std::string text :
         {"", "MDEyMzQ1Njc4OWFiY2RlZg=", "not base64 at all", "AAA=BBBB"}) {
        write(text, 0600);
        CHECK(refused("k:hmac-sha256:" + path) ==
              "secret file " + path + ": it does not hold one line of base64");
    }
    write("AAAA", 0600);
    CHECK(refused("k:hmac-sha256:" + path) ==
          "secret file " + path + ": the secret has 3 bytes, at least 16 are needed");
}

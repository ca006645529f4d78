// SPDX-License-Identifier: GPL-2.0-or-later
// The conversations of spec "The mapper socket", section "Seen on the wire", byte for byte.
#include "common/wire/mapper_v1.h"

#include "unit/catch.h"
#include "unit/hex.h"

using namespace ipref;
using namespace ipref::wire;
using ipref::test::from_hex;
using ipref::test::to_hex;

namespace {

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

Host host(const char* local, const char* gw, const char* ref) {
    return {ip(local), {ip(gw), net::Ref::parse(ref).value()}};
}

V1Record published(const char* local, const char* gw, const char* ref) {
    return {net::Ip(), ip(local), {ip(gw), net::Ref::parse(ref).value()}};
}

/// Bytes to value, value to the same bytes.
void check_both_ways(const char* hex, const V1Packet& packet) {
    const auto bytes = from_hex(hex);
    const auto parsed = parse_v1(bytes);
    REQUIRE(parsed);
    CHECK((*parsed == packet));
    const auto built = build_v1(packet);
    REQUIRE(built);
    CHECK(to_hex(*built) == to_hex(bytes));
}

std::string why_malformed(const char* hex) {
    const auto parsed = parse_v1(from_hex(hex));
    return parsed ? "parsed" : parsed.error().text;
}

const char* const kGetEa =
    "1147914e4400000e 00000000 00000000 c6336407 000000000000000000000000000003e9"
    "04107765622e6578616d706c652e636f6d2e0000";
const char* const kGetEaAck =
    "1187914e44000009 0afb86d3 00000000 c6336407 000000000000000000000000000003e9";
const char* const kHostData =
    "114ef3c54400001a 00001234 73bc4a6462a93661 0408696e7465726e616c0000"
    "040b6578616d706c652e636f6d000000"
    "00000000 0a010021 cb007101 00000000000000000000000000000409"
    "00000000 0a010022 cb007101 0000000000000000000000000000040a";
const char* const kHostDataAck =
    "118ef3c54400000c 00001234 73bc4a6462a93661 0408696e7465726e616c0000"
    "040b6578616d706c652e636f6d000000";
const char* const kHashKnown =
    "114fe1814400000c 00000002 73bc4a6462a93661 0408696e7465726e616c0000"
    "040b6578616d706c652e636f6d000000";
const char* const kHashUnknownNack =
    "11cf3f604400000c 00000003 0123456789abcdef 0408696e7465726e616c0000"
    "040b6578616d706c652e636f6d000000";

}  // namespace

TEST_CASE("get-ea as seen on the wire", "[mapper_v1]") {
    V1Record record{ip("0.0.0.0"), ip("0.0.0.0"), {ip("198.51.100.7"), {0, 1001}}};
    check_both_ways(kGetEa, {V1Mode::request, 0x914e, {}, V1GetEa{record, "web.example.com."}});
    record.ea = ip("10.251.134.211");
    check_both_ways(kGetEaAck, {V1Mode::ack, 0x914e, {}, V1GetEa{record, ""}});
    check_both_ways("11c7914e44000002", {V1Mode::nack, 0x914e, {}, V1Nack{7}});
}

TEST_CASE("host data as seen on the wire", "[mapper_v1]") {
    V1HostData body{0x1234, 0x73bc4a6462a93661, "internal", "example.com", {}};
    check_both_ways(kHostDataAck, {V1Mode::ack, 0xf3c5, {}, body});
    body.records = {published("10.1.0.33", "203.0.113.1", "1033"),
                    published("10.1.0.34", "203.0.113.1", "1034")};
    check_both_ways(kHostData, {V1Mode::request, 0xf3c5, {}, body});
}

TEST_CASE("host data hash as seen on the wire", "[mapper_v1]") {
    V1HostDataHash body{2, 0x73bc4a6462a93661, "internal", "example.com"};
    check_both_ways(kHashKnown, {V1Mode::request, 0xe181, {}, body});
    body = {3, 0x0123456789abcdef, "internal", "example.com"};
    check_both_ways(kHashUnknownNack, {V1Mode::nack, 0x3f60, {}, body});
}

TEST_CASE("no-op", "[mapper_v1]") {
    check_both_ways("1100000144000002", {V1Mode::data, 1, {}, V1Noop{}});
}

TEST_CASE("each pair of families, both variants", "[mapper_v1]") {
    for (const bool self_describing : {false, true}) {
        for (const char* local : {"10.1.0.33", "2001:db8::21"}) {
            for (const char* gw : {"203.0.113.1", "2001:db8:1::1"}) {
                auto record = published(local, gw, "1-22");
                record.ea = net::Ip::any(record.ip.family());
                V1Layout layout{self_describing, record.ip.family(), record.ipref.ip.family()};
                if (self_describing) layout = {.self_describing = true};
                const V1Packet packet{V1Mode::request, 9, layout,
                                      V1HostData{1, 2, "internal", "example.com", {record}}};
                const auto built = build_v1(packet);
                REQUIRE(built);
                const size_t head = 8 + 12 + 12 + 16;
                const size_t addresses = 2 * record.ip.size() + record.ipref.ip.size() + 16;
                CHECK(built->size() == head + (self_describing ? 4 : 0) + addresses);
                const auto parsed = parse_v1(*built);
                REQUIRE(parsed);
                CHECK((*parsed == packet));
            }
        }
    }
}

TEST_CASE("self-describing get-ea, byte for byte", "[mapper_v1]") {
    const V1Record record{ip("::"), ip("::"), {ip("198.51.100.7"), {0, 1001}}};
    check_both_ways(
        "1147000500000011 06100404"
        "00000000000000000000000000000000 00000000000000000000000000000000"
        "c6336407 000000000000000000000000000003e9 04027733",
        {V1Mode::request, 5, {.self_describing = true}, V1GetEa{record, "w3"}});
}

TEST_CASE("malformed packets are named", "[mapper_v1]") {
    CHECK(why_malformed("") == "packet of 0 bytes is too short");
    CHECK(why_malformed("1147914e440000") == "packet of 7 bytes is too short");
    CHECK(why_malformed("1247914e44000002") == "bad signature 0x12");
    CHECK(why_malformed("1147914e54000002") == "wrong IP versions 0x54");
    CHECK(why_malformed("1147914e40000002") == "wrong IP versions 0x40");
    CHECK(why_malformed("1147914e44010002") == "reserved byte is not 0");
    CHECK(why_malformed("1147914e44000003") == "length field says 12 bytes, packet has 8");
    CHECK(why_malformed("1107914e44000002") == "command 7 is no request and no answer");
    CHECK(why_malformed("1141914e44000002") == "unknown command 1");
    CHECK(why_malformed("1140914e44000002") == "unknown command 0");
    CHECK(why_malformed("1147914e44000002") ==
          "command 7: a string or record is cut short or wrong");
    CHECK(why_malformed("1100914e44000003 00000000") == "command 0: 4 bytes too many");
    CHECK(why_malformed("1187914e4400000a 0afb86d3 00000000 c6336407"
                        "000000000000000000000000000003e9 00000000") ==
          "command 7: 4 bytes too many");
}

TEST_CASE("every packet of the conversations cut short is malformed", "[mapper_v1]") {
    for (const char* hex : {kGetEa, kGetEaAck, kHostData, kHostDataAck, kHashKnown}) {
        const auto whole = from_hex(hex);
        const size_t head = hex == kHostData ? 48 : whole.size();
        for (size_t size = 8; size < whole.size(); size++) {
            auto cut = std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size));
            cut[7] = static_cast<uint8_t>(size / 4);
            const bool between_records = size >= head && (size - head) % 28 == 0;
            INFO(hex << " cut to " << size);
            CHECK(parse_v1(cut).has_value() == between_records);
        }
    }
}

TEST_CASE("what cannot be written is refused", "[mapper_v1]") {
    const V1Record record{ip("::"), ip("::"), {ip("198.51.100.7"), {0, 1001}}};
    CHECK_FALSE(build_v1({V1Mode::request, 1, {}, V1GetEa{record, "x"}}));
    const V1Record four{ip("0.0.0.0"), ip("0.0.0.0"), {ip("198.51.100.7"), {0, 1001}}};
    CHECK(build_v1({V1Mode::request, 1, {}, V1GetEa{four, std::string(255, 'x')}}));
    CHECK_FALSE(build_v1({V1Mode::request, 1, {}, V1GetEa{four, std::string(256, 'x')}}));
    const V1HostData data{1, 2, "a", "b", std::vector<V1Record>(9400, four)};
    CHECK_FALSE(build_v1({V1Mode::request, 1, {}, data}));
}

TEST_CASE("records that fit fill a packet and no more", "[mapper_v1]") {
    for (const bool self_describing : {false, true}) {
        const V1Layout layout{.self_describing = self_describing};
        const auto fit = v1_records_that_fit(layout, "internal", "example.com", net::Family::v4,
                                             net::Family::v4);
        V1HostData data{1, 2, "internal", "example.com", {}};
        data.records.assign(fit, published("10.1.0.33", "203.0.113.1", "1033"));
        CHECK(build_v1({V1Mode::request, 1, layout, data})->size() <= kV1PacketLimit);
        data.records.push_back(data.records.front());
        CHECK(build_v1({V1Mode::request, 1, layout, data})->size() > kV1PacketLimit);
    }
}

TEST_CASE("the hash of a set", "[host_set]") {
    const std::vector<Host> hosts = {
        host("10.0.0.1", "203.0.113.5", "1025"),
        host("10.0.0.2", "203.0.113.5", "1-22"),
        host("10.0.0.3", "203.0.113.6", "ab-cdef-0-0-0-0-0-1"),
        host("10.0.0.7", "203.0.113.5", "1031"),
    };
    CHECK(hash_of(hosts) == 0x27349a2958bcc08c);
    CHECK(hash_of({}) == 0xcbf29ce484222325);
    const std::vector<Host> wire = {host("10.1.0.33", "203.0.113.1", "1033"),
                                    host("10.1.0.34", "203.0.113.1", "1034")};
    CHECK(hash_of(wire) == 0x73bc4a6462a93661);
}

TEST_CASE("the hash takes IPv4 gateways before IPv6 ones", "[host_set]") {
    const auto four = host("10.0.0.1", "203.0.113.5", "1025");
    const auto six = host("10.0.0.2", "::1", "1");
    CHECK(hash_of(std::vector{six, four}) == HostHash().add(four).add(six).value());
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/wire/mapper_frame.h"

#include "unit/catch.h"
#include "unit/hex.h"

using namespace ipref;
using namespace ipref::wire;
using ipref::test::from_hex;
using ipref::test::to_hex;

TEST_CASE("the first byte tells the protocol", "[mapper_frame]") {
    CHECK(record_kind(from_hex("0801")) == RecordKind::protobuf);
    CHECK(record_kind(from_hex("1100000144000002")) == RecordKind::v1);
    CHECK(record_kind(from_hex("47455420")) == RecordKind::unknown);
    CHECK(record_kind({}) == RecordKind::unknown);
}

TEST_CASE("a frame there and back, its version first on the wire", "[mapper_frame]") {
    proto::Frame frame;
    frame.set_id(7);
    frame.mutable_hello()->set_program("ipref-dns-agent");
    const auto record = build_frame(frame);
    REQUIRE(record);
    CHECK(to_hex(*record).substr(0, 8) == "08011007");
    const auto parsed = parse_frame(*record);
    REQUIRE(parsed);
    CHECK(parsed->id() == 7);
    CHECK(parsed->hello().program() == "ipref-dns-agent");
}

TEST_CASE("a frame of another version parses, for an answer to it", "[mapper_frame]") {
    const auto parsed = parse_frame(from_hex("08091007"));
    REQUIRE(parsed);
    CHECK(parsed->version() == 9);
    CHECK(parsed->body_case() == proto::Frame::BODY_NOT_SET);
}

TEST_CASE("what is no frame is refused", "[mapper_frame]") {
    CHECK_FALSE(parse_frame({}));
    CHECK_FALSE(parse_frame(from_hex("0800")));      // version 0
    CHECK_FALSE(parse_frame(from_hex("08")));        // cut
    CHECK_FALSE(parse_frame(from_hex("08011aff")));  // length beyond the end
    CHECK_FALSE(parse_frame(from_hex("1100000144000002")));
    CHECK_FALSE(parse_frame(std::vector<uint8_t>(kFrameLimit + 1, 8)));
}

TEST_CASE("a frame that is too long is not built", "[mapper_frame]") {
    proto::Frame frame;
    frame.mutable_hello()->set_program(std::string(kFrameLimit, 'x'));
    CHECK_FALSE(build_frame(frame));
}

TEST_CASE("the most hosts a frame may hold fit into it", "[mapper_frame]") {
    const Host widest{net::Ip::parse("2001:db8::21").value(),
                      {net::Ip::parse("2001:db8:1::1").value(), {~0ull, ~0ull}}};
    proto::Frame frame;
    frame.set_id(~0ull);
    auto* data = frame.mutable_host_data();
    data->set_local_domain(std::string(255, 'l'));
    data->set_public_domain(std::string(255, 'p'));
    for (int i = 0; i < kFrameItems; i++) put_host(widest, *data->add_add());
    const auto record = build_frame(frame);
    REQUIRE(record);
    CHECK(host_from(parse_frame(*record)->host_data().add(999)) == widest);
}

TEST_CASE("addresses of other sizes are nothing", "[mapper_frame]") {
    CHECK_FALSE(ip_from(""));
    CHECK_FALSE(ip_from(std::string(5, 'x')));
    CHECK_FALSE(ref_from(std::string(15, 'x')));
    CHECK(ip_from(std::string("\x0a\0\0\1", 4))->str() == "10.0.0.1");
    CHECK(ref_from(std::string(15, '\0') + "\1")->str() == "1");
    proto::Host host;
    CHECK_FALSE(host_from(host));
}

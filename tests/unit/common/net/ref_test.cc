// SPDX-License-Identifier: GPL-2.0-or-later
// The text forms stand in tests/vectors/refs.jsonl; here is what they do not cover.
#include "common/net/ref.h"

#include "unit/catch.h"

using namespace ipref::net;

TEST_CASE("a reference and its bytes", "[ref]") {
    const auto ref = Ref::parse("ab-cdef-0-0-0-0-0-1").value();
    uint8_t bytes[16];
    ref.to_bytes(bytes);
    CHECK(bytes[1] == 0xab);
    CHECK(bytes[15] == 1);
    CHECK(Ref::from_bytes(bytes) == ref);
}

TEST_CASE("what is wrong with a reference is said", "[ref]") {
    CHECK(Ref::parse("12ab").error().text.find("0-12ab") != std::string::npos);
    CHECK(Ref::parse("340282366920938463463374607431768211456").error().text.find("2^128") !=
          std::string::npos);
    CHECK(Ref::parse("1-").error().text.find("ends in '-'") != std::string::npos);
    CHECK(Ref::parse("1-xyz").error().text.find("\"xyz\"") != std::string::npos);
    CHECK_FALSE(Ref::parse("a0---12"));
    CHECK_FALSE(Ref::parse("1-2-3-4-5-6-7--8"));
    CHECK(Ref::parse("1-2-3-4-5-6-7-8--"));
}

TEST_CASE("references and IPREF addresses are ordered as numbers", "[ref]") {
    CHECK(Ref{0, 2} < Ref{1, 0});
    CHECK(IpRef{Ip::v4(9), Ref{9, 9}} < IpRef{Ip::v4(10), Ref{}});
    CHECK(IpRef{Ip::parse("203.0.113.5").value(), Ref{0, 0x10022}}.str() == "203.0.113.5 + 1-22");
}

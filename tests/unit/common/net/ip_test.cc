// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/ip.h"

#include "unit/catch.h"

using namespace ipref::net;

TEST_CASE("addresses parse and print", "[ip]") {
    for (const auto* text : {"0.0.0.0", "10.240.0.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                             "::ffff:10.0.0.1"}) {
        const auto ip = Ip::parse(text);
        REQUIRE(ip);
        CHECK(ip->str() == text);
    }
    for (const auto* text :
         {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "1:2", "::g", "[::1]", "fe80::1%eth0"}) {
        CHECK_FALSE(Ip::parse(text));
    }
    CHECK_FALSE(Ip::parse(std::string_view("1.1.1.1\0x", 9)));
}

TEST_CASE("kinds of addresses", "[ip]") {
    auto ip = [](const char* text) { return Ip::parse(text).value(); };
    CHECK(ip("203.0.113.1").is_global_unicast());
    CHECK(ip("10.0.0.1").is_global_unicast());
    CHECK(ip("2001:db8::1").is_global_unicast());
    for (const auto* text : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.1.1",
                             "::", "::1", "ff02::1", "fe80::1", "febf::1"}) {
        CHECK_FALSE(ip(text).is_global_unicast());
    }
    CHECK(ip("0.0.0.0") != ip("::"));
    CHECK(ip("255.0.0.0") < ip("::"));
    CHECK(ip("9.0.0.0") < ip("10.0.0.0"));
    CHECK(Ip::v4(0x0a000001).str() == "10.0.0.1");
    CHECK(ip("10.0.0.1").to_v4() == 0x0a000001);
}

TEST_CASE("prefixes", "[ip]") {
    const auto net = Cidr::parse("10.255.1.2/12");
    REQUIRE(net);
    CHECK(net->str() == "10.240.0.0/12");
    CHECK(net->host_bits() == 20);
    CHECK(net->contains(Ip::parse("10.255.255.255").value()));
    CHECK_FALSE(net->contains(Ip::parse("10.239.255.255").value()));
    CHECK_FALSE(net->contains(Ip::parse("::").value()));
    CHECK(Cidr::parse("0.0.0.0/0")->contains(Ip::parse("1.2.3.4").value()));
    CHECK(Cidr::parse("2001:db8::/33")->str() == "2001:db8::/33");
    CHECK(net->overlaps(Cidr::parse("10.0.0.0/8").value()));
    CHECK(net->overlaps(Cidr::parse("10.241.0.0/16").value()));
    CHECK_FALSE(net->overlaps(Cidr::parse("10.0.0.0/16").value()));
    for (const auto* text :
         {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1", "10.0.0.0/8 "}) {
        CHECK_FALSE(Cidr::parse(text));
    }
}

TEST_CASE("endpoints", "[ip]") {
    auto text = [](const char* in) { return Endpoint::parse(in, 53).value().str(); };
    CHECK(text("192.0.2.1") == "192.0.2.1:53");
    CHECK(text("192.0.2.1:5353") == "192.0.2.1:5353");
    CHECK(text("2001:db8::53") == "[2001:db8::53]:53");
    CHECK(text("[2001:db8::53]") == "[2001:db8::53]:53");
    CHECK(text("[2001:db8::53]:1") == "[2001:db8::53]:1");
    for (const auto* bad : {"", "192.0.2.1:", "192.0.2.1:65536", "[::1", "[::1]x", "host:53"}) {
        CHECK_FALSE(Endpoint::parse(bad, 53));
    }
}

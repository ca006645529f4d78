// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/allocator.h"

#include <algorithm>
#include <set>

#include "gw/mapping/config.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

net::Cidr net_of(std::string_view text) {
    return net::Cidr::parse(text).value();
}

/// Always the same numbers, 8 bytes each.
Random fixed(uint8_t byte) {
    return Random([byte](std::span<uint8_t> out) { std::ranges::fill(out, byte); });
}

uint64_t counted(const net::Cidr& net) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < uint64_t{1} << net.host_bits(); i++) {
        const auto ip = net::Ip::v4(net.ip().to_v4() + static_cast<uint32_t>(i));
        count += is_dynamic_address(net, ip) ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_CASE("dynamic addresses are counted right", "[allocator]") {
    for (const auto* text : {"10.240.0.0/19", "10.240.32.0/19", "10.240.0.0/16", "10.240.0.0/15"}) {
        CAPTURE(text);
        CHECK(dynamic_addresses(net_of(text)) == counted(net_of(text)));
    }
    CHECK(dynamic_addresses(net_of("10.240.0.0/12")) == uint64_t{16} * 240 * 254);
    CHECK(dynamic_addresses(net_of("fd00::/64")) == (uint64_t{240} * 254 << 46));
}

TEST_CASE("encoded addresses keep clear of statics and are random", "[allocator]") {
    Random random;
    for (const auto* text : {"10.240.0.0/12", "10.0.0.0/19", "fd00:1::/32", "fd00::/115"}) {
        const auto net = net_of(text);
        std::set<net::Ip> seen;
        for (int i = 0; i < 500; i++) {
            const auto ea = pick_ea(net, random, [&](const auto& ip) { return seen.contains(ip); });
            REQUIRE(ea);
            CHECK(net.contains(*ea));
            CHECK(ea->bytes()[ea->size() - 2] >= 16);
            CHECK(seen.insert(*ea).second);
        }
    }
}

TEST_CASE("the last free address is found, and none if there is none", "[allocator]") {
    const auto net = net_of("10.240.0.0/19");
    const auto last = net::Ip::parse("10.240.17.9").value();
    Random random;
    CHECK(pick_ea(net, random, [&](const auto& ip) { return ip != last; }) == last);
    CHECK(!pick_ea(net, random, [](const auto&) { return true; }));
    Random stuck = fixed(0);  // always 10.240.0.0, which is not dynamic
    CHECK(pick_ea(net, stuck, [](const auto&) { return false; }) ==
          net::Ip::parse("10.240.16.1").value());
}

TEST_CASE("refs have the 8-byte form and keep clear of statics", "[allocator]") {
    Random random;
    std::set<net::Ref> seen;
    uint64_t high = 0;
    uint64_t low = 0;
    for (int i = 0; i < 1000; i++) {
        const auto ref = pick_ref(random, [](const auto&) { return false; });
        REQUIRE(ref);
        CHECK((ref->high & 0x00ff'ffff'ffff'ffffu) == 0);
        CHECK((ref->low & 0xff00'0000'0000'0000u) == 0);
        CHECK(((ref->low >> 8) & 0xff) >= 16);
        CHECK(seen.insert(*ref).second);
        high |= ref->high;
        low |= ref->low;
    }
    CHECK(high == 0xff00'0000'0000'0000u);  // every bit that may be set was
    CHECK(low == 0x00ff'ffff'ffff'ffffu);
    CHECK(!pick_ref(random, [](const auto&) { return true; }));
}

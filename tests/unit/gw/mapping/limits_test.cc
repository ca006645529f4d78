// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/limits.h"

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

MappingLimits limits() {
    MappingLimits limits;
    limits.gateway_rate = 2;
    limits.gateway_burst = 3;
    limits.total_rate = 5;
    limits.total_burst = 10;
    limits.gateways = 4;
    return limits;
}

template <typename Allow>
int allowed(int tries, Allow allow) {
    int count = 0;
    for (int i = 0; i < tries; i++) count += allow(i) ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("one remote gateway has a burst and a rate", "[limits]") {
    AllocationLimits limit(limits());
    const auto gw = net::Ip::v4(1);
    CHECK(allowed(10, [&](int) { return limit.allow_remote(gw, 100); }) == 3);
    CHECK(allowed(10, [&](int) { return limit.allow_remote(gw, 101); }) == 2);
    CHECK(allowed(10, [&](int) { return limit.allow_remote(gw, 200); }) == 3);
    CHECK(allowed(1, [&](int) { return limit.allow_remote(net::Ip::v4(2), 200); }) == 1);
}

TEST_CASE("all together have one, however many gateways are claimed", "[limits]") {
    AllocationLimits limit(limits());
    const auto forged = [&](int i) {
        return limit.allow_remote(net::Ip::v4(static_cast<uint32_t>(i)), 100);
    };
    CHECK(allowed(1000, forged) == 10);
}

TEST_CASE("gateways that were not seen for long are forgotten first", "[limits]") {
    AllocationLimits limit(limits());
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK(limit.allow_remote(net::Ip::v4(1), 100));
        CHECK(limit.allow_remote(net::Ip::v4(1 + i), 100));
    }
    CHECK(!limit.allow_remote(net::Ip::v4(1), 100));  // its burst is over, and still known
}

TEST_CASE("local hosts have a limit of their own", "[limits]") {
    AllocationLimits limit(limits());
    CHECK(allowed(100, [&](int) { return limit.allow_local(100); }) == 10);
    CHECK(limit.allow_remote(net::Ip::v4(1), 100));
}

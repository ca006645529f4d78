// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/descriptors.h"

#include <sys/resource.h>

#include "unit/catch.h"

TEST_CASE("the soft limit of descriptors rises to the hard one", "[descriptors]") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit low{64, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(ipref::run::raise_descriptor_limit() == before.rlim_max);
    rlimit after{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur == before.rlim_max);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

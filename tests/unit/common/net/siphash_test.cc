// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/net/siphash.h"

#include <vector>

#include "unit/catch.h"

using namespace ipref::net;

TEST_CASE("SipHash-2-4 gives the values of its authors' test vectors", "[siphash]") {
    SipKey key;
    for (uint8_t i = 0; i < key.size(); i++) key[i] = i;
    std::vector<uint8_t> input;
    const auto of_length = [&](size_t length) {
        input.clear();
        for (size_t i = 0; i < length; i++) input.push_back(static_cast<uint8_t>(i));
        return siphash(key, input);
    };
    CHECK(of_length(0) == 0x726fdb47dd0e0e31);
    CHECK(of_length(1) == 0x74f839c593dc67fd);
    CHECK(of_length(8) == 0x93f5f5799a932462);
    CHECK(of_length(15) == 0xa129ca6149be45e5);
}

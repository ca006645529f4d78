// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tap.h"

#include <array>
#include <thread>

#include "unit/catch.h"

using namespace ipref::gw;

TEST_CASE("a tap keeps events in order, cut to the snap length, and counts the rest", "[tap]") {
    Tap tap;
    CHECK_FALSE(tap.wants_drops());
    CHECK(tap.take().events.empty());
    tap.listen({.drops = true, .packets = false, .snap = 5});
    CHECK(tap.wants_drops());
    CHECK_FALSE(tap.wants_packets());
    const std::array<uint8_t, 4> head{1, 2, 3, 4};
    const std::array<uint8_t, 4> rest{5, 6, 7, 8};
    TapEvent event;
    event.reason = DropReason::ttl_expired;
    tap.put(event, head, rest);
    tap.put({}, head, {});
    auto batch = tap.take();
    REQUIRE(batch.events.size() == 2);
    CHECK(batch.events[0].reason == DropReason::ttl_expired);
    CHECK(batch.events[0].length == 8);
    CHECK(batch.events[0].kept == 5);
    CHECK(batch.events[0].nanoseconds != 0);
    CHECK(batch.bytes == std::vector<uint8_t>{1, 2, 3, 4, 5, 1, 2, 3, 4});
    CHECK(batch.missed == 0);
    for (size_t i = 0; i < Tap::kMostEvents + 10; i++) tap.put({}, head, {});
    batch = tap.take();
    CHECK(batch.events.size() == Tap::kMostEvents);
    CHECK(batch.missed == 10);
    tap.listen({});
    tap.put({}, head, {});
    CHECK(tap.take().events.empty());
}

TEST_CASE("a tap is bounded in bytes, and a worker is never held up by who empties it", "[tap]") {
    Tap tap;
    tap.listen({.drops = true, .packets = true, .snap = 65536});
    const std::vector<uint8_t> large(65536);
    for (int i = 0; i < 20; i++) tap.put({}, large, {});
    auto batch = tap.take();
    CHECK(batch.bytes.size() <= Tap::kMostBytes);
    CHECK(batch.events.size() + batch.missed == 20);
    constexpr uint64_t kAll = 20'000;
    std::thread worker([&] {
        const std::array<uint8_t, 1> one{1};
        for (uint64_t i = 0; i < kAll; i++) tap.put({}, one, {});
    });
    uint64_t seen = 0;
    while (seen < kAll) {
        batch = tap.take();
        seen += batch.events.size() + batch.missed;
    }
    worker.join();
    CHECK(seen == kAll);
}

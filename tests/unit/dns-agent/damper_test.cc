// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/damper.h"

#include "unit/catch.h"

using namespace ipref::agent;
using ipref::run::Milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("sets that are new are never held back", "[damper]") {
    Damper damper;
    for (uint64_t set = 1; set < 1000; set++) {
        CHECK(damper.judge(set, Milliseconds(set)) == Milliseconds(0));
        CHECK(damper.judge(set, Milliseconds(set)) == Milliseconds(0));
    }
}

TEST_CASE("what goes back and forth must stay ever longer, up to five minutes", "[damper]") {
    Damper damper;
    std::vector<int64_t> holds;
    for (int i = 0; i < 14; i++) {
        const auto hold = damper.judge(static_cast<uint64_t>(i % 2), seconds(i));
        holds.push_back(std::chrono::duration_cast<seconds>(hold).count());
    }
    CHECK(holds == std::vector<int64_t>{0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300});
    CHECK(damper.judge(7, seconds(14)) == Milliseconds(0));
}

TEST_CASE("calm for ten minutes, everything is forgotten", "[damper]") {
    Damper damper;
    Milliseconds now{};
    for (int i = 0; i < 10; i++) damper.judge(static_cast<uint64_t>(i % 2), now += seconds(1));
    now += minutes(11);
    CHECK(damper.judge(0, now) == Milliseconds(0));
    CHECK(damper.judge(1, now + seconds(1)) == Milliseconds(0));
}

TEST_CASE("a round of more sets than are remembered does not count", "[damper]") {
    Damper damper;
    for (uint64_t i = 0; i < 100; i++) {
        CHECK(damper.judge(i % (Damper::kSets + 2), seconds(i)) == Milliseconds(0));
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/loop.h"

#include <thread>

#include "unit/catch.h"

using namespace ipref::run;

TEST_CASE("a timer fires, and not after it is gone", "[loop]") {
    Loop loop;
    int fired = 0;
    auto gone = std::make_unique<Timer>(loop, [&] { fired += 100; });
    gone->start(Milliseconds(1));
    Timer stays(loop, [&] { fired++; });
    stays.start(Milliseconds(5));
    gone.reset();
    loop.run();
    CHECK(fired == 1);
}

TEST_CASE("a wake-up from another thread", "[loop]") {
    Loop loop;
    bool woken = false;
    Wake wake(loop, [&] {
        woken = true;
        loop.stop();
    });
    std::thread other([&] { wake.send(); });
    loop.run();
    other.join();
    CHECK(woken);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/background_load.h"

#include <atomic>
#include <future>
#include <optional>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

/// Each reading waits until the test lets it go on.
struct Bench {
    run::Loop loop;
    std::array<std::promise<void>, 3> go;
    std::atomic<size_t> begun = 0;
    std::vector<std::string> done;  // the configurations' texts, or what was wrong
    std::optional<BackgroundLoad> loading;

    Bench() {
        loading.emplace(
            loop, [this] { return load(); },
            [this](BackgroundLoad::Loaded loaded) {
                done.push_back(loaded ? (*loaded)->text : loaded.error().text);
            });
    }
    BackgroundLoad::Loaded load() {
        const size_t number = begun++;
        go[number].get_future().wait();
        if (number == 0) return fail("nothing");
        auto config = std::make_shared<Config>();
        config->text = std::to_string(number);
        return config;
    }
    void wait_begun(size_t count) {
        run::Timer look(loop, [] {});
        look.start(run::Milliseconds(1), run::Milliseconds(1));
        test::run_until(loop, [&] { return begun == count; });
    }
};

}  // namespace

TEST_CASE("The loop turns while a configuration is read", "[background-load]") {
    Bench bench;
    bench.loading->start();
    bench.wait_begun(1);  // this loop turned, and the reading has not ended
    CHECK(bench.done.empty());
    bench.go[0].set_value();
    test::run_until(bench.loop, [&] { return !bench.done.empty(); });
    CHECK(bench.done == std::vector<std::string>{"nothing"});
    bench.loading->start();
    bench.go[1].set_value();
    test::run_until(bench.loop, [&] { return bench.done.size() == 2; });
    CHECK(bench.done.back() == "1");
}

TEST_CASE("What changes while a configuration is read is read as well, once", "[background-load]") {
    Bench bench;
    bench.loading->start();
    bench.wait_begun(1);
    for (int i = 0; i < 3; i++) bench.loading->start();
    for (auto& go : bench.go) go.set_value();
    test::run_until(bench.loop, [&] { return bench.done.size() == 2; });
    CHECK(bench.done == std::vector<std::string>{"nothing", "1"});
    bench.loop.run();
    CHECK(bench.begun == 2);
}

TEST_CASE("A reading that nobody waits for any more ends by itself", "[background-load]") {
    Bench bench;
    bench.loading->start();
    bench.wait_begun(1);
    bench.loading.reset();
    bench.go[0].set_value();
    bench.loop.run();
    CHECK(bench.done.empty());
}

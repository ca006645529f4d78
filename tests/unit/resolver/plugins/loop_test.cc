// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/loop/loop.h"

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::test;

namespace {

std::string found;

/// A block whose own listener is a scripted server, so that the test sees the probe.
struct LoopBench : ResolverBench {
    LoopBench() {
        found.clear();
        before_ = resolver::loop::on_found([](const std::string& text) { found = text; });
    }
    ~LoopBench() override { resolver::loop::on_found(before_); }
    void start() {
        open(".:" + std::to_string(self.at().port) + " {\n loop\n whoami\n}\n");
        run_until(loop, [&] { return !self.asked().empty(); });
    }
    bool answers = false;
    ScriptedDns self{loop, [this](const Asked& asked) {
                         if (!answers) return std::vector<Message>{};
                         return std::vector<Message>{reply_to(asked.wire, 0, {})};
                     }};

  private:
    resolver::loop::Found before_ = nullptr;
};

}  // namespace

TEST_CASE("a probe that comes back ends the process", "[loop]") {
    LoopBench bench;
    bench.start();
    const auto probe = bench.self.asked().front();
    CHECK(probe.question.type == dns::rr::kHinfo);
    CHECK(probe.question.name.labels() == 2);
    bench.get(probe.wire);
    CHECK(found.empty());
    bench.get(probe.wire);
    CHECK_THAT(found, Catch::Contains("Loop (") && Catch::Contains("zone \".\"") &&
                          Catch::Contains(probe.question.name.str()));
}

TEST_CASE("no other question does", "[loop]") {
    LoopBench bench;
    bench.start();
    const auto name = bench.self.asked().front().question.name.str();
    for (int i = 0; i < 5; i++) {
        bench.get(name, dns::rr::kA);
        bench.get("x." + name, dns::rr::kHinfo);
        bench.get("1.2", dns::rr::kHinfo);
    }
    CHECK(found.empty());
}

TEST_CASE("a probe's name is forgotten when it has been answered", "[loop]") {
    LoopBench bench;
    bench.answers = true;
    bench.start();
    const auto probe = bench.self.asked().front();
    for (int i = 0; i < 20; i++) uv_run(bench.loop.raw(), UV_RUN_NOWAIT);
    for (int i = 0; i < 5; i++) bench.get(probe.wire);
    CHECK(found.empty());
}

TEST_CASE("CVE-2026-26018: every probe has another name", "[loop][advisory]") {
    LoopBench one;
    one.start();
    LoopBench other;
    other.start();
    CHECK(one.self.asked().front().question.name != other.self.asked().front().question.name);
}

TEST_CASE("loop takes no arguments", "[loop]") {
    CHECK_THAT(refusal(".:53 {\nloop .\nwhoami\n}\n"), Catch::Contains("Wrong argument count"));
    CHECK_THAT(refusal(".:53 {\nloop\nloop\nwhoami\n}\n"), Catch::Contains("only be used once"));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The end of the process while queries are under way, look-ups from one server block through
// another among them: all end, and no handler is called that has been stopped.
#include <fstream>

#include "resolver/server/server.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/resolver/server/client.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;

namespace {

using Log = std::vector<std::string>;

/// Says when it is called, and that it must not be once it has been stopped.
class Told final : public Handler {
  public:
    Told(std::string_view name, Log& log, std::function<Step(Query&)> handle)
        : name_(name), log_(log), handle_(std::move(handle)) {}
    std::string_view name() const override { return name_; }
    Result<void> start(Worker&) override {
        runs_ = true;
        return {};
    }
    void stop(Worker&) override {
        runs_ = false;
        tell("stop");
        for (auto* q : std::exchange(held, {})) q->fail(dns::rcode::kServFail);
    }
    Step handle(Query& q) override {
        CHECK(runs_);
        tell("down");
        return handle_(q);
    }
    Step answered(Query&) override {
        CHECK(runs_);
        tell("up");
        return Step::done;
    }
    void tell(const std::string& what) { log_.push_back(std::string(name_) + " " + what); }
    bool runs() const { return runs_; }

    std::vector<Query*> held;

  private:
    std::string_view name_;
    Log& log_;
    std::function<Step(Query&)> handle_;
    bool runs_ = false;
};

/// Zone "far.test" holds its queries; zone "." asks it, behind a handler that watches.
struct TwoBlocks : Sink {
    run::Loop loop;
    Runner runner{loop, 0};
    Log log;
    std::vector<uint16_t> delivered;
    std::shared_ptr<Config> config = std::make_shared<Config>();
    Told* far = nullptr;
    Told* near = nullptr;

    explicit TwoBlocks(bool far_first) {
        far_first ? add_far() : add_near();
        far_first ? add_near() : add_far();
        REQUIRE(runner.use(config));
    }
    Told* add(Block& block, std::string_view name, std::function<Step(Query&)> handle) {
        auto made = std::make_unique<Told>(name, log, std::move(handle));
        auto* out = made.get();
        block.chain.add(std::move(made));
        return out;
    }
    Block& block(const std::string& zone) {
        auto& made = *config->blocks.emplace_back(std::make_unique<Block>());
        made.has_plugins = true;
        config->listeners[{}].add(*Name::parse(zone), made);
        return made;
    }
    void add_far() {
        far = add(block("far.test."), "far", [this](Query& q) {
            far->held.push_back(&q);
            return Step::later;
        });
    }
    void add_near() {
        auto& to = block(".");
        add(to, "watch", [](Query&) { return Step::watch; });
        near = add(to, "near", [this](Query& q) {
            q.lookup(*Name::parse("x.far.test"), dns::rr::kA, [this, &q](const LookupResult&) {
                CHECK(near->runs());
                near->tell("knows");
                q.pass();  // what is behind is not begun any more
            });
            return Step::later;
        });
        add(to, "behind", [](Query&) { return Step::done; });
    }
    void ask() { runner.take(query_for("a.test", dns::rr::kA), *this, &config->listeners[{}], {}); }
    void turn() {
        for (int i = 0; i < 10; i++) uv_run(loop.raw(), UV_RUN_NOWAIT);
    }
    void deliver(Query& q) override { delivered.push_back(q.reply.rcode); }
};

}  // namespace

TEST_CASE("A look-up that ends as handlers stop comes back to those that still run",
          "[shut-down]") {
    for (const bool far_first : {true, false}) {
        INFO(far_first);
        TwoBlocks bench(far_first);
        bench.ask();
        bench.turn();
        REQUIRE(bench.far->held.size() == 1);
        bench.log.clear();
        bench.runner.shut_down();
        CHECK(bench.delivered == std::vector<uint16_t>{dns::rcode::kServFail});
        CHECK(bench.runner.in_flight() == 0);
        CHECK(bench.log == (far_first ? Log{"behind stop", "near stop", "watch stop", "far stop"}
                                      : Log{"far stop", "near knows", "watch up", "behind stop",
                                            "near stop", "watch stop"}));
        bench.turn();
        CHECK(bench.delivered.size() == 1);
    }
}

TEST_CASE("A look-up that was about to begin does not begin any more", "[shut-down]") {
    TwoBlocks bench(true);
    bench.ask();
    bench.runner.shut_down();
    bench.turn();
    CHECK(bench.far->held.empty());
    CHECK(bench.delivered == std::vector<uint16_t>{dns::rcode::kServFail});
}

TEST_CASE("Queries of configurations before the last reload end as well", "[shut-down]") {
    TwoBlocks bench(true);
    bench.ask();
    bench.turn();
    REQUIRE(bench.runner.use(std::make_shared<Config>()));
    CHECK(bench.far->runs());
    bench.runner.shut_down();
    CHECK_FALSE(bench.far->runs());
    CHECK(bench.delivered == std::vector<uint16_t>{dns::rcode::kServFail});
}

TEST_CASE("Plugins whose look-ups wait for another block when everything is stopped",
          "[shut-down]") {
    const TemporaryDirectory folder;
    std::ofstream(folder.file("db")) << "@ 60 SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
                                        "a CNAME a.far.test.\n";
    const auto observers = std::string(" errors\n log\n prometheus localhost:0\n cache\n");
    const std::vector<std::string> plugins = {
        "file " + folder.file("db"),
        "template IN A {\n answer \"{{ .Name }} 60 IN CNAME a.far.test.\"\n }",
        "rewrite name exact a.near.test a.far.test\n template IN A far.test {\n"
        " answer \"a.far.test. 60 IN CNAME b.far.test.\"\n }",
    };
    for (const auto& plugin : plugins) {
        for (const bool far_first : {true, false}) {
            INFO(plugin << far_first);
            ResolverBench bench;
            ScriptedDns silent(bench.loop, [](const Asked&) { return std::vector<Message>{}; });
            const auto near = "near.test {\n" + observers + " " + plugin + "\n}\n";
            const auto far =
                "far.test {\n" + observers + " forward . " + silent.at().str() + "\n}\n";
            bench.open(far_first ? far + near : near + far);
            auto& got = bench.ask("a.near.test", dns::rr::kA);
            run_until(bench.loop, [&] { return !silent.asked().empty(); });
            CHECK_FALSE(got.done);
            bench.close();
            CHECK(got.done);
            for (int i = 0; i < 10; i++) uv_run(bench.loop.raw(), UV_RUN_NOWAIT);
        }
    }
}

TEST_CASE("What a client does not take is thrown away at the end", "[shut-down][server]") {
    const TemporaryDirectory folder;
    {
        std::ofstream zone(folder.file("db"));
        zone << "@ 60 SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
        for (int i = 0; i < 20'000; i++)
            zone << "h" << i << " TXT " << std::string(200, 'x') << "\n";
    }
    run::Loop loop;
    Server server(loop);
    const auto port = free_port();
    auto config =
        load_config(fmt::format("z.test:{} {{\n bind 127.0.0.1\n multisocket 1\n file {}\n"
                                " transfer {{\n  to *\n }}\n}}\n",
                                port, folder.file("db")),
                    {});
    if (!config) FAIL(config.error().text);
    REQUIRE(server.use(*config));
    const Client client(loop, SOCK_STREAM, port);
    client.send(framed(query_for("z.test", dns::rr::kAxfr)));
    CHECK(client.receive_framed().size() > 12);  // and no more of it
    bool stopped = false;
    server.stop(run::Milliseconds(0), [&] { stopped = true; });
    run_until(loop, [&] { return stopped; });
    for (int i = 0; i < 10; i++) uv_run(loop.raw(), UV_RUN_NOWAIT);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Queries through a chain of handlers made for the test.
#include "resolver/server/runner.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "resolver/server/encode.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

/// A handler that does what the test says, and writes down that it was there.
class Scripted final : public Handler {
  public:
    using Handle = std::function<Step(Query&)>;
    Scripted(std::string name, std::vector<std::string>& log, Handle handle)
        : name_(std::move(name)), log_(log), handle_(std::move(handle)) {}
    std::string_view name() const override { return name_; }
    Interest interest() const override { return interest_; }
    Step handle(Query& q) override {
        log_.push_back(name_ + " down");
        return handle_(q);
    }
    Step answered(Query& q) override {
        log_.push_back(name_ + " up");
        return answered_ ? answered_(q) : Step::done;
    }
    Result<void> start(Worker&) override {
        if (fails_) return fail("{} cannot start", name_);
        log_.push_back(name_ + " start");
        return {};
    }
    void stop(Worker&) override {
        log_.push_back(name_ + " stop");
        if (stopped_) stopped_();
    }

    Interest interest_;
    Handle answered_;
    std::function<void()> stopped_;
    bool fails_ = false;

  private:
    std::string name_;
    std::vector<std::string>& log_;
    Handle handle_;
};

struct Bench : Sink {
    struct Delivered {
        Query::Outcome outcome;
        uint16_t rcode;
        std::string error;
        std::string_view plugin;
    };
    run::Loop loop;
    Runner runner{loop, 0};
    std::vector<std::string> log;
    std::shared_ptr<Config> config = std::make_shared<Config>();
    std::vector<Delivered> delivered;
    Query* held = nullptr;

    Scripted& add(const std::string& name, Scripted::Handle handle) {
        if (config->blocks.empty()) {
            auto& block = *config->blocks.emplace_back(std::make_unique<Block>());
            block.has_plugins = true;
            config->listeners[{}].add(Name(), block);
        }
        auto handler = std::make_unique<Scripted>(name, log, std::move(handle));
        auto& added = *handler;
        config->blocks[0]->chain.add(std::move(handler));
        return added;
    }
    void use() {
        REQUIRE(runner.use(config));
        log.clear();
    }
    const Delivered& ask(const test::Message& query) {
        runner.take(query, *this, &config->listeners[{}], {});
        run();
        REQUIRE_FALSE(delivered.empty());
        return delivered.back();
    }
    const Delivered& ask(uint16_t type = dns::rr::kA) {
        return ask(test::query_for("a.test", type));
    }
    /// What waits in the loop, without waiting for anything.
    void run() {
        for (int i = 0; i < 100; i++) uv_run(loop.raw(), UV_RUN_NOWAIT);
    }
    void deliver(Query& q) override {
        delivered.push_back({q.outcome(), q.reply.rcode, q.error(), q.reply.plugin});
    }
    ~Bench() override { runner.let_go(); }
};

Step next(Query&) {
    return Step::next;
}
Step watch(Query&) {
    return Step::watch;
}
Step done(Query&) {
    return Step::done;
}
using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("Down the chain in order, and back up to those that watch", "[runner]") {
    Bench bench;
    bench.add("a", watch);
    bench.add("b", next);
    bench.add("c", watch);
    bench.add("d", done);
    bench.add("e", done);
    bench.use();
    CHECK(bench.ask().plugin == "d");
    CHECK(bench.log == Log{"a down", "b down", "c down", "d down", "c up", "a up"});
    CHECK(bench.runner.in_flight() == 0);
}

TEST_CASE("At the end of the chain: SERVFAIL that names the last plugin", "[runner]") {
    Bench bench;
    bench.add("a", watch);
    bench.add("b", next);
    bench.use();
    const auto& got = bench.ask();
    CHECK(got.outcome == Query::Outcome::failed);
    CHECK(got.rcode == dns::rcode::kServFail);
    CHECK(got.error == "plugin/b: no next plugin found");
    CHECK(bench.log.back() == "a up");
}

TEST_CASE("A handler may answer later, or pass later", "[runner]") {
    Bench bench;
    bench.add("a", [&](Query& q) {
        q.defer([&q] { q.pass(true); });
        return Step::later;
    });
    auto& b = bench.add("b", [&](Query& q) {
        bench.held = &q;
        return Step::later;
    });
    b.answered_ = done;
    bench.use();
    bench.runner.take(test::query_for("a.test", dns::rr::kA), bench, &bench.config->listeners[{}],
                      {});
    CHECK(bench.log == Log{"a down"});
    bench.run();
    CHECK(bench.log == Log{"a down", "b down"});
    CHECK(bench.runner.in_flight() == 1);
    bench.held->reply.aa = true;
    bench.held->finish();
    CHECK(bench.delivered.size() == 1);
    CHECK(bench.log.back() == "a up");
    CHECK(bench.runner.in_flight() == 0);
}

TEST_CASE("Queries of one client that wait are bounded, those of others go on", "[runner]") {
    Bench bench;
    std::vector<Query*> held;
    bench.add("a", [&](Query& q) {
        held.push_back(&q);
        return Step::later;
    });
    bench.use();
    const auto query = test::query_for("a.test", dns::rr::kA);
    const auto ask = [&](const char* client, unsigned times = 1) {
        Whence whence;
        whence.client = {*net::Ip::parse(client), 5000};
        for (; times > 0; times--) {
            bench.runner.take(query, bench, &bench.config->listeners[{}], whence);
        }
    };
    constexpr unsigned kMost = Runner::kMostOfOneClient;
    ask("2001:db8::1", kMost / 2);
    ask("2001:db8::2", kMost / 2);  // the same /64
    CHECK(bench.delivered.empty());
    ask("2001:db8::3");
    REQUIRE(bench.delivered.size() == 1);
    CHECK(bench.delivered.back().rcode == dns::rcode::kServFail);
    ask("2001:db8:0:1::1");
    ask("192.0.2.1");
    ask("127.0.0.1", kMost + 1);  // not counted
    CHECK(bench.delivered.size() == 1);
    CHECK(held.size() == 2 * kMost + 3);
    held.front()->finish();
    held.erase(held.begin());
    ask("2001:db8::1");
    CHECK(held.size() == 2 * kMost + 3);
    ask("2001:db8::1");
    CHECK(bench.delivered.size() == 3);
    while (!held.empty()) {
        held.back()->finish();
        held.pop_back();
    }
    CHECK(bench.runner.in_flight() == 0);
    ask("2001:db8::1", kMost);
    CHECK(held.size() == kMost);
    while (!held.empty()) {
        held.back()->finish();
        held.pop_back();
    }
}

TEST_CASE("An answer may be held on its way back", "[runner]") {
    Bench bench;
    auto& a = bench.add("a", watch);
    a.answered_ = [](Query& q) {
        if (q.outcome() == Query::Outcome::failed) return Step::done;
        q.defer([&q] { q.fail(dns::rcode::kRefused, "changed my mind"); });
        return Step::later;
    };
    bench.add("b", done);
    bench.use();
    const auto& got = bench.ask();
    CHECK(got.rcode == dns::rcode::kRefused);
    CHECK(got.error == "changed my mind");
}

TEST_CASE("What a handler throws becomes SERVFAIL, and the server goes on", "[runner]") {
    Bench bench;
    bench.add("a", [](Query&) -> Step { throw std::runtime_error("broken"); });
    bench.use();
    CHECK(bench.ask().rcode == dns::rcode::kServFail);
    CHECK(bench.ask().rcode == dns::rcode::kServFail);
}

TEST_CASE("With plugin debug what a handler throws ends the process", "[runner]") {
    Bench bench;
    bench.add("a", [](Query&) -> Step { throw std::runtime_error("broken"); });
    bench.config->blocks[0]->settings.debug = true;
    bench.use();
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // not the test's own word about it
        bench.runner.take(test::query_for("a.test", dns::rr::kA), bench,
                          &bench.config->listeners[{}], {});
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("Classes and NOTIFY reach only those that take them", "[runner]") {
    Bench bench;
    auto& log = bench.add("log", watch);
    log.interest_ = {.all = true};
    bench.add("file", done);
    auto& chaos = bench.add("chaos", [](Query& q) {
        return q.request.klass == dns::klass::kCh ? Step::done : Step::next;
    });
    bench.use();
    auto query = test::query_for("version.bind", dns::rr::kTxt);
    query[query.size() - 1] = dns::klass::kCh;
    CHECK(bench.ask(query).rcode == dns::rcode::kRefused);
    CHECK(bench.log.empty());
    chaos.interest_ = {.other_classes = true};
    bench.config->blocks[0]->other_classes = true;
    CHECK(bench.ask(query).plugin == "chaos");
    CHECK(bench.log == Log{"log down", "chaos down", "log up"});
    query[query.size() - 1] = dns::klass::kHs;
    CHECK(bench.ask(query).rcode == dns::rcode::kRefused);

    auto notify = test::query_for("a.test", dns::rr::kSoa);
    notify[2] = 0x20;
    CHECK(bench.ask(notify).rcode == dns::rcode::kNotImp);
}

TEST_CASE("Refused before the chain: no block, empty block, EDNS version", "[runner]") {
    Bench bench;
    bench.add("a", done);
    bench.use();
    auto query = test::query_for("a.test", dns::rr::kA, 1, true);
    query[query.size() - 5] = 1;  // the OPT's version
    CHECK(bench.ask(query).rcode == dns::rcode::kBadVers);
    bench.runner.take(test::query_for("a.test", dns::rr::kA), bench, nullptr, {});
    CHECK(bench.delivered.back().rcode == dns::rcode::kRefused);
    bench.config->blocks[0]->has_plugins = false;
    CHECK(bench.ask().rcode == dns::rcode::kRefused);
    CHECK(bench.log.empty());
}

TEST_CASE("Look-ups through the server itself, no deeper than the limit", "[runner]") {
    Bench bench;
    unsigned deepest = 0;
    bench.add("a", [&](Query& q) {
        deepest = std::max(deepest, q.depth());
        q.lookup(*Name::parse("b.test"), dns::rr::kA, [&q](const LookupResult& result) {
            q.reply.rcode = result.reply == nullptr ? dns::rcode::kNxDomain : result.reply->rcode;
            q.finish();
        });
        return Step::later;
    });
    bench.use();
    CHECK(bench.ask().rcode == dns::rcode::kNxDomain);
    CHECK(deepest == Query::kMaxDepth);
    CHECK(bench.runner.in_flight() == 0);
}

TEST_CASE("A look-up's function is not called once its query has ended", "[runner]") {
    Bench bench;
    bool called = false;
    bench.add("a", [&](Query& q) {
        if (q.depth() > 0) return Step::done;
        q.lookup(*Name::parse("b.test"), dns::rr::kA, [&](const LookupResult&) { called = true; });
        return q.failed(dns::rcode::kServFail, "gave up");
    });
    bench.use();
    CHECK(bench.ask().error == "gave up");
    bench.run();
    CHECK_FALSE(called);
}

TEST_CASE("A configuration that cannot start leaves the old one running", "[runner]") {
    Bench bench;
    bench.add("a", done);
    bench.use();
    auto& old = *bench.runner.active();
    auto fresh = std::make_shared<Config>();
    auto& block = *fresh->blocks.emplace_back(std::make_unique<Block>());
    auto good = std::make_unique<Scripted>("good", bench.log, done);
    auto bad = std::make_unique<Scripted>("bad", bench.log, done);
    bad->fails_ = true;
    block.chain.add(std::move(good));
    block.chain.add(std::move(bad));
    const auto used = bench.runner.use(fresh);
    REQUIRE_FALSE(used);
    CHECK(used.error().text == "bad cannot start");
    CHECK(bench.log == Log{"good start", "good stop"});
    CHECK(bench.runner.active().get() == &old);
}

TEST_CASE("An old configuration stops when its last query has ended", "[runner]") {
    Bench bench;
    bench.add("a", [&](Query& q) {
        bench.held = &q;
        return Step::later;
    });
    bench.use();
    bench.runner.take(test::query_for("a.test", dns::rr::kA), bench, &bench.config->listeners[{}],
                      {});
    REQUIRE(bench.runner.use(std::make_shared<Config>()));
    CHECK(bench.log == Log{"a down"});
    bench.held->drop();
    CHECK(bench.log == Log{"a down", "a stop"});
    CHECK(bench.delivered.back().outcome == Query::Outcome::dropped);
}

TEST_CASE("Handlers stop from the back: queries that end then still meet those in front",
          "[runner]") {
    Bench bench;
    bench.add("a", watch);
    auto& last = bench.add("b", [&](Query& q) {
        bench.held = &q;
        return Step::later;
    });
    last.stopped_ = [&] { bench.held->fail(dns::rcode::kServFail); };
    bench.use();
    bench.runner.take(test::query_for("a.test", dns::rr::kA), bench, &bench.config->listeners[{}],
                      {});
    bench.runner.shut_down();
    CHECK(bench.log == Log{"a down", "b down", "b stop", "a up", "a stop"});
    CHECK(bench.delivered.back().rcode == dns::rcode::kServFail);
    CHECK(bench.runner.in_flight() == 0);
}

TEST_CASE("A question may be asked once more, by a query that nobody waits for", "[runner]") {
    Bench bench;
    bench.add("a", watch);
    Scripted* b = nullptr;
    std::vector<int> known;
    b = &bench.add("b", [&](Query& q) {
        q.ask_again().state<int>(*b) = 7;
        return q.failed(dns::rcode::kRefused);
    });
    b->answered_ = [&](Query& q) {
        known.push_back(q.state<int>(*b));
        return Step::done;
    };
    bench.add("c", [](Query& q) {
        CHECK(q.request.name.str() == "a.test.");
        CHECK(q.request.edns.present);
        CHECK(q.request.edns.options.empty());
        CHECK(q.limit() == dns::kMaxMessage);
        return Step::done;
    });
    bench.use();
    bench.runner.take(test::query_for("a.test", dns::rr::kA, 1, true), bench,
                      &bench.config->listeners[{}], {});
    CHECK(bench.log == Log{"a down", "b down", "a up"});
    CHECK(bench.runner.in_flight() == 1);
    bench.run();
    CHECK(bench.log == Log{"a down", "b down", "a up", "c down", "b up"});
    CHECK(known == std::vector<int>{7});
    CHECK(bench.delivered.size() == 1);
    CHECK(bench.runner.in_flight() == 0);
}

namespace {

/// Packs one address for the question.
Step pack(Query& q, size_t records) {
    for (size_t i = 0; i < records; i++) {
        q.add_address(q.reply.answer, q.asked_name(), 60, net::Ip::v4(0xc0000201));
    }
    const auto space = q.arena().room(dns::kMaxMessage);
    const size_t size = encode_packed(q.request, q.reply, space);
    q.reply.clear();
    q.reply.packed = {space.first(size), size, false};
    return Step::done;
}

}  // namespace

TEST_CASE("Who looks at records never sees a packed reply", "[runner]") {
    std::vector<std::pair<bool, size_t>> seen;  // packed, records
    const auto look = [&](Query& q) {
        seen.emplace_back(q.reply.is_packed(), q.reply.answer.size());
        return Step::done;
    };
    Bench bench;
    auto& changer = bench.add("a", watch);
    changer.answered_ = look;
    auto& observer = bench.add("b", watch);
    observer.interest_ = {.all = true};
    observer.answered_ = look;
    bench.add("c", [](Query& q) { return pack(q, 3); });
    bench.use();
    bench.ask();
    CHECK(seen == std::vector<std::pair<bool, size_t>>{{true, 0}, {false, 3}});
}

TEST_CASE("A packed reply larger than the client takes is unpacked, to be cut", "[runner]") {
    struct Cutting : Bench {
        std::vector<bool> packed;
        void deliver(Query& q) override {
            packed.push_back(q.reply.is_packed());
            Bench::deliver(q);
        }
    };
    for (const size_t records : {30U, 31U}) {  // 12 + 12 + 30 * 16 = 504
        Cutting bench;
        bench.add("a", [&](Query& q) { return pack(q, records); });
        bench.use();
        bench.ask();
        CHECK(bench.packed == std::vector<bool>{records == 30});
    }
}

TEST_CASE("A look-up's answer is never packed", "[runner]") {
    Bench bench;
    size_t records = 0;
    bench.add("a", [&](Query& q) {
        if (q.depth() > 0) return pack(q, 2);
        q.lookup(*Name::parse("b.test"), dns::rr::kA, [&](const LookupResult& result) {
            records = result.reply->answer.size();
            q.finish();
        });
        return Step::later;
    });
    bench.use();
    bench.ask();
    CHECK(records == 2);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/committer.h"

#include "fixture.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;

namespace {

/// Keeps what is written, refuses while it is full.
struct FakeDisk : Disk {
    struct Written {
        Units units;
        Seconds time;
        bool clear;
    };
    bool read(const OnOwner&, const OnMapping&) const override { return true; }
    size_t count(Relation) const override { return 0; }
    Seconds time() const override { return 0; }
    Result<void> write(const Units& units, Seconds time, bool clear) override {
        if (full) return fail("no room");
        written.push_back({units, time, clear});
        return {};
    }
    std::vector<Written> written;
    bool full = false;
};

/// Does what it is told when the test says so.
struct ByHand : Executor {
    void wake() override { woken = true; }
    void retry_later() override { retries++; }
    void start(std::function<void()> work) override { started = std::move(work); }
    void wait() override { std::exchange(started, nullptr)(); }
    void report(const std::string& problem) override { reports.push_back(problem); }

    bool woken = false;
    int retries = 0;
    std::function<void()> started;
    std::vector<std::string> reports;
};

struct Committing : Site {
    explicit Committing(size_t most_pending = 1000)
        : committer(table, clock, disk, executor, {"disk", most_pending}) {}

    void record(uint64_t number, size_t changes = 1) {
        const MappingRecord record{
            .ip = ip("10.240.16.1"), .ipref = {ip("198.51.100.7"), {0, number}}, .serial = number};
        committer.record(std::vector<Change>(changes, record));
    }
    /// Appends to `answers`: "" or why not.
    void ask() {
        committer.when_durable([this](const Result<void>& stored) {
            answers.push_back(stored ? "" : stored.error().text);
        });
    }
    void write_and_end() {
        std::exchange(executor.started, nullptr)();
        committer.ended();
    }
    static uint64_t number_of(const std::vector<Change>& unit) {
        return std::get<MappingRecord>(unit.at(0)).serial;
    }

    FakeDisk disk;
    ByHand executor;
    Committer committer;
    std::vector<std::string> answers;
};

}  // namespace

TEST_CASE("nobody is answered before the commit that holds it", "[committer]") {
    Committing it;
    it.ask();
    CHECK(it.answers.size() == 1);  // there was nothing to wait for
    it.record(1);
    CHECK(it.executor.woken);
    it.ask();
    REQUIRE(it.executor.started);
    it.record(2);
    it.ask();
    CHECK(it.answers.size() == 1);
    std::exchange(it.executor.started, nullptr)();
    CHECK(it.answers.size() == 1);
    it.committer.ended();
    CHECK(it.answers == std::vector<std::string>{"", ""});
    it.write_and_end();
    CHECK(it.answers.size() == 3);
    REQUIRE(it.disk.written.size() == 2);
    CHECK(it.number_of(it.disk.written[0].units.at(0)) == 1);
    CHECK(it.number_of(it.disk.written[1].units.at(0)) == 2);
}

TEST_CASE("a disk that refuses is told about once, and tried again in order", "[committer]") {
    Committing it;
    it.disk.full = true;
    it.record(1);
    it.ask();
    it.record(2);
    it.ask();
    it.write_and_end();
    const std::string why = "disk: mappings cannot be stored: no room";
    CHECK(it.answers == std::vector<std::string>{why, why});
    CHECK(it.committer.problem() == why);
    it.committer.commit();  // not before the pause is over
    CHECK(!it.executor.started);
    it.ask();
    CHECK(it.answers.size() == 3);
    it.committer.retry();
    it.record(3);
    it.write_and_end();
    CHECK(it.executor.retries == 2);
    CHECK(it.committer.failures() == 2);
    CHECK(it.committer.written() == 0);
    it.disk.full = false;
    it.committer.retry();
    it.write_and_end();
    CHECK(it.executor.reports == std::vector<std::string>{why, ""});
    CHECK(it.committer.failures() == 2);
    CHECK(it.committer.written() == it.clock.now());
    CHECK(it.committer.problem().empty());
    REQUIRE(it.disk.written.size() == 1);
    const auto& units = it.disk.written[0].units;
    REQUIRE(units.size() == 3);
    for (uint64_t i = 0; i < 3; i++) CHECK(it.number_of(units[i]) == i + 1);
    it.ask();
    CHECK(it.answers.back().empty());
}

TEST_CASE("too much to keep for a disk that refuses: the table is written anew", "[committer]") {
    Committing it(4);
    REQUIRE(it.table.encode(at("198.51.100.7", "1"), v4));
    it.record(1, 3);
    CHECK(!it.committer.congested());
    it.record(2, 3);
    CHECK(it.committer.congested());
    it.disk.full = true;
    it.committer.commit();
    CHECK(!it.committer.congested());
    it.write_and_end();
    it.disk.full = false;
    it.record(3);  // in the table already, and not kept
    it.committer.retry();
    it.write_and_end();
    REQUIRE(it.disk.written.size() == 1);
    CHECK(it.disk.written[0].clear);
    REQUIRE(it.disk.written[0].units.size() == 1);
    const auto& all = it.disk.written[0].units[0];
    REQUIRE(all.size() == 1);
    CHECK(std::get<MappingRecord>(all[0]).ipref == at("198.51.100.7", "1"));
}

TEST_CASE("closing waits for the commit that runs and writes what is left", "[committer]") {
    Committing it;
    it.record(1);
    it.committer.commit();
    it.record(2);
    it.ask();
    SECTION("it works") {
        CHECK(it.committer.close());
        CHECK(it.disk.written.size() == 2);
    }
    SECTION("it refuses") {
        it.disk.full = true;
        const auto closed = it.committer.close();
        REQUIRE(!closed);
        CHECK(closed.error().text == "no room");
    }
    CHECK(it.answers.empty());
}

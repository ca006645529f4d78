// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/store.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fixture.h"
#include "gw/mapping/lmdb.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::gw;
using test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

/// A site with its store; destroyed, it is closed properly.
struct Gateway : Site {
    explicit Gateway(const fs::path& directory, MappingConfig config = site()) : Site(config) {
        auto opened = Store::open(loop, directory, table, clock);
        if (!opened) FAIL(opened.error().text);
        store = std::move(*opened);
    }
    /// Runs the loop until all that was made so far is on disk.
    Result<void> durable() {
        Result<void> result;
        bool answered = false;
        bool running = false;
        store->when_durable([&](const auto& outcome) {
            result = outcome;
            answered = true;
            if (running) loop.stop();
        });
        running = !answered;
        if (running) loop.run();
        return result;
    }
    run::Loop loop;
    std::unique_ptr<Store> store;
};

}  // namespace

TEST_CASE("a restart changes nothing", "[store]") {
    const TemporaryDirectory directory;
    net::Ip ea;
    net::IpRef ours;
    {
        Gateway gateway(directory.path());
        CHECK(gateway.store->opened().mappings == 0);
        ea = gateway.table.ea(at("198.51.100.7", "1001"), v4).value();
        ours = gateway.table.ours(ip("192.168.1.5"), v4).value();
        gateway.table.replace(kAgent, {local("192.168.1.6", "203.0.113.1", "1025")}, 42);
    }
    Gateway gateway(directory.path());
    CHECK(gateway.store->opened().mappings == 3);
    CHECK(gateway.table.theirs(ea) == at("198.51.100.7", "1001"));
    CHECK(gateway.table.host(ours) == ip("192.168.1.5"));
    CHECK(gateway.table.confirm(kAgent.name, 42, 1));
}

// The program that is killed is this one, started again with the case below: a fork alone would
// have half of the threads.
TEST_CASE("a gateway that answers and waits to be killed", "[.killed]") {
    Gateway gateway(getenv("IPREF_TEST_DIRECTORY"));
    const auto ea = gateway.table.encode(at("198.51.100.7", "1001"), v4).value().ea;
    REQUIRE(gateway.durable());
    REQUIRE(write(atoi(getenv("IPREF_TEST_PIPE")), ea.data(), 4) == 4);
    pause();
}

TEST_CASE("what was answered survives a kill", "[store]") {
    const TemporaryDirectory directory;
    int pipes[2];
    REQUIRE(pipe(pipes) == 0);
    setenv("IPREF_TEST_DIRECTORY", directory.path().c_str(), 1);
    setenv("IPREF_TEST_PIPE", std::to_string(pipes[1]).c_str(), 1);
    const pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "unit-mapping", "[.killed]", nullptr);
        _exit(1);
    }
    close(pipes[1]);
    uint8_t bytes[4];
    REQUIRE(read(pipes[0], bytes, 4) == 4);
    close(pipes[0]);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Gateway gateway(directory.path());
    CHECK(gateway.table.theirs(net::Ip(v4, bytes)) == at("198.51.100.7", "1001"));
}

TEST_CASE("answers share commits, and wait for no more than their own", "[store]") {
    const TemporaryDirectory directory;
    Gateway gateway(directory.path());
    int answered = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        REQUIRE(gateway.table.encode({ip("198.51.100.7"), {0, i}}, v4));
        gateway.store->when_durable([&](const auto& outcome) {
            CHECK(outcome.has_value());
            answered++;
        });
    }
    CHECK(answered == 0);
    REQUIRE(gateway.durable());
    CHECK(answered == 1000);
    bool at_once = false;
    gateway.store->when_durable([&](const auto&) { at_once = true; });
    CHECK(at_once);
}

TEST_CASE("what was dropped stays dropped, resting numbers rest on", "[store]") {
    const TemporaryDirectory directory;
    net::Ip ea;
    {
        Gateway gateway(directory.path());
        ea = gateway.table.ea(at("198.51.100.7", "1001"), v4).value();
        gateway.table.replace(kAgent, {local("192.168.1.6", "203.0.113.1", "1025")}, 42);
        REQUIRE(gateway.durable());
        gateway.later(kMappingLife);
        gateway.sweep_all();
    }
    {
        Gateway gateway(directory.path());
        CHECK(gateway.clock.now() == kStart + kMappingLife);
        CHECK(gateway.store->opened().mappings == 1);
        CHECK(!gateway.table.theirs(ea));
        CHECK(gateway.table.resting() == 1);
        CHECK(gateway.table.owners().empty());
        gateway.later(kMappingRest);
        gateway.sweep_all();
    }
    Gateway gateway(directory.path());
    CHECK(gateway.store->opened().mappings == 0);
}

TEST_CASE("a damaged database is set aside", "[store]") {
    const TemporaryDirectory directory;
    {
        Gateway gateway(directory.path());
        for (uint64_t i = 0; i < 2000; i++) {
            REQUIRE(gateway.table.encode({ip("198.51.100.7"), {0, i}}, v4));
        }
    }
    const auto size = fs::file_size(directory.file("mapper.lmdb"));
    SECTION("not a database") {
        std::ofstream(directory.file("mapper.lmdb"), std::ios::trunc) << std::string(20000, 'x');
    }
    SECTION("cut short") {
        fs::resize_file(directory.file("mapper.lmdb"), size / 2);
    }
    SECTION("a record that lies") {
        std::fstream file(directory.file("mapper.lmdb"),
                          std::ios::in | std::ios::out | std::ios::binary);
        std::string bytes(size, 0);
        file.read(bytes.data(), static_cast<std::streamsize>(size));
        const std::string gw("\x04\xc6\x33\x64\x07", 5);  // in a value: 198.51.100.7
        for (size_t i = bytes.find(gw); i != std::string::npos; i = bytes.find(gw, i + 1)) {
            bytes[i + 4] = 8;
        }
        file.seekp(0);
        file.write(bytes.data(), static_cast<std::streamsize>(size));
    }
    SECTION("pages of noise") {
        std::fstream file(directory.file("mapper.lmdb"),
                          std::ios::in | std::ios::out | std::ios::binary);
        for (size_t at = 8192; at + 4096 <= size; at += 4096) {
            file.seekp(static_cast<std::streamoff>(at));
            for (int i = 0; i < 4096; i++) file.put(static_cast<char>(i * 7));
        }
    }
    Gateway gateway(directory.path());
    CHECK(gateway.store->opened().mappings == 0);
    CHECK(fs::exists(gateway.store->opened().set_aside));
    CHECK(gateway.table.count(Relation::remote) == 0);
    CHECK(gateway.table.encode(at("198.51.100.7", "1"), v4));
    CHECK(gateway.durable());
}

TEST_CASE("a full disk: answers refuse, mappings go on, and it recovers", "[store]") {
    const TemporaryDirectory directory;
    net::Ip early;
    net::Ip late;
    {
        Gateway gateway(directory.path());
        REQUIRE(gateway.durable());
        signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        rlimit full = before;
        full.rlim_cur = fs::file_size(directory.file("mapper.lmdb"));
        setrlimit(RLIMIT_FSIZE, &full);
        for (uint64_t i = 0; i < 2000; i++) {
            early = gateway.table.encode({ip("198.51.100.7"), {0, i}}, v4).value().ea;
        }
        const auto refused = gateway.durable();
        REQUIRE(!refused);
        CHECK(refused.error().text.find("cannot be stored") != std::string::npos);
        CHECK(!gateway.store->problem().empty());
        CHECK(gateway.table.theirs(early));
        late = gateway.table.encode(at("198.51.100.8", "1"), v4).value().ea;
        CHECK(!gateway.durable());
        setrlimit(RLIMIT_FSIZE, &before);
        run::Timer look(gateway.loop, [&] {
            if (gateway.store->problem().empty()) gateway.loop.stop();
        });
        look.start(run::Milliseconds(10), run::Milliseconds(10));
        gateway.loop.run();
        CHECK(gateway.durable());
    }
    Gateway gateway(directory.path());
    CHECK(gateway.store->opened().mappings == 2001);
    CHECK(gateway.table.theirs(early) == net::IpRef{ip("198.51.100.7"), {0, 1999}});
    CHECK(gateway.table.theirs(late) == at("198.51.100.8", "1"));
}

TEST_CASE("a newer format is refused and left alone", "[store]") {
    const TemporaryDirectory directory;
    { const Gateway gateway(directory.path()); }
    MDB_env* env = nullptr;
    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, 4);
    REQUIRE(mdb_env_open(env, directory.file("mapper.lmdb").c_str(), MDB_NOSUBDIR, 0640) == 0);
    MDB_txn* txn = nullptr;
    REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
    MDB_dbi meta = 0;
    REQUIRE(mdb_dbi_open(txn, "meta", 0, &meta) == 0);
    auto item = store_number("format", kStoreFormat + 1);
    MDB_val key{item.key.size(), item.key.data()};
    MDB_val value{item.value.size(), item.value.data()};
    REQUIRE(mdb_put(txn, meta, &key, &value, 0) == 0);
    REQUIRE(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);

    Site site;
    run::Loop loop;
    const auto opened = Store::open(loop, directory.path(), site.table, site.clock);
    REQUIRE(!opened);
    CHECK(opened.error().text.find("format 2") != std::string::npos);
    CHECK(fs::exists(directory.file("mapper.lmdb")));
}

TEST_CASE("a data directory serves one gateway at a time", "[store]") {
    const TemporaryDirectory directory;
    const Gateway gateway(directory.path());
    Clock clock;
    Table table(site(), clock);
    run::Loop loop;
    const auto second = Store::open(loop, directory.path(), table, clock);
    REQUIRE(!second);
    CHECK(second.error().text.find("in use by another gateway") != std::string::npos);
}

TEST_CASE("another encode network: the old mappings go, also from disk", "[store]") {
    const TemporaryDirectory directory;
    {
        Gateway gateway(directory.path());
        REQUIRE(gateway.table.ea(at("198.51.100.7", "1001"), v4));
        REQUIRE(gateway.table.ours(ip("192.168.1.5"), v4));
    }
    MappingConfig config = site();
    config.encode_nets = {net::Cidr::parse("10.128.0.0/12").value()};
    {
        const Gateway gateway(directory.path(), config);
        CHECK(gateway.store->opened().dropped == 1);
        CHECK(gateway.store->opened().mappings == 1);
    }
    const Gateway gateway(directory.path());
    CHECK(gateway.store->opened().mappings == 1);
    CHECK(gateway.store->opened().dropped == 0);
}

TEST_CASE("records that are cut or changed are noticed", "[store]") {
    const MappingRecord record{.relation = Relation::local,
                               .ip = ip("fd00::5"),
                               .ipref = at("203.0.113.1", "1025"),
                               .owner = 7,
                               .used = 9,
                               .serial = 11};
    const auto item = store_item(record);
    const auto back = parse_mapping(item.table, item.key, item.value);
    REQUIRE(back);
    CHECK(back->ip == record.ip);
    CHECK(back->ipref == record.ipref);
    CHECK((back->owner == 7 && back->used == 9 && back->serial == 11 && !back->resting));
    for (size_t i = 0; i < item.value.size(); i++) {
        auto bad = item.value;
        bad[i] ^= 1;
        CHECK(!parse_mapping(item.table, item.key, bad));
        bad.resize(i);
        CHECK(!parse_mapping(item.table, item.key, bad));
    }
    for (size_t size = 0; size < item.key.size(); size++) {
        CHECK(!parse_mapping(item.table, wire::Bytes(item.key).first(size), item.value));
    }
}

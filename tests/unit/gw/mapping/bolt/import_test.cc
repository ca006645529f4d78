// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/bolt/import.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "gw/mapping/lmdb.h"
#include "gw/mapping/store.h"
#include "sample.h"
#include "unit/catch.h"
#include "unit/gw/mapping/fixture.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::gw;
using test::BoltWriter;
using test::FileBytes;
using test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

constexpr bolt::Families k44{v4, v4};
constexpr const char* kName = "mapper_ea4_gw4.db";

std::string big(uint32_t number) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift);
    return text;
}

std::string bytes_of(const net::Ip& address) {
    return {address.bytes().begin(), address.bytes().end()};
}

std::string bytes_of(const net::Ref& ref) {
    std::string text(16, '\0');
    ref.to_bytes(reinterpret_cast<uint8_t*>(text.data()));
    return text;
}

/// What a deployed gateway would have written, on pages of 4096 bytes.
struct Written {
    test::Pairs oid{{big(1), "mapper"}, {big(2), "/etc/hosts"}, {big(3), "internal:example.com"}};
    test::Pairs mark{{big(1), big(100)}, {big(2), big(100)}, {big(3), big(200)}};
    std::map<std::string, std::string> ea;
    std::map<std::string, std::string> ref;

    void remote(uint32_t owner, uint32_t at_mark, const char* address, const net::IpRef& theirs) {
        const net::Ip encoded = ip(address);
        ea[bytes_of(encoded)] = big(owner) + big(at_mark) + bytes_of(encoded) +
                                bytes_of(net::Ip::any(encoded.family())) + bytes_of(theirs.ip) +
                                bytes_of(theirs.ref);
    }
    void local(uint32_t owner, uint32_t at_mark, const char* address, const net::IpRef& ours) {
        const net::Ip host = ip(address);
        ref[bytes_of(ours.ref)] = big(owner) + big(at_mark) +
                                  bytes_of(net::Ip::any(host.family())) + bytes_of(host) +
                                  bytes_of(ours.ip) + bytes_of(ours.ref);
    }
    FileBytes bytes() const {
        BoltWriter file(4096, 8);
        file.metas(2);
        file.leaf(2,
                  {{"ea", BoltWriter::root(3)},
                   {"mark", BoltWriter::root(4)},
                   {"oid", BoltWriter::root(5)},
                   {"ref", BoltWriter::root(6)}},
                  true);
        file.leaf(3, {ea.begin(), ea.end()});
        file.leaf(4, mark);
        file.leaf(5, oid);
        file.leaf(6, {ref.begin(), ref.end()});
        return file.bytes();
    }
    bolt::Contents contents(bolt::Families families = k44) const {
        const auto all = bytes();
        auto parsed = bolt::parse(all, families);
        if (!parsed) FAIL(parsed.error().text);
        return *parsed;
    }
};

std::map<std::string, size_t> by_owner(const Table& table) {
    std::map<std::string, size_t> counts;
    for (std::optional<uint64_t> cursor = 0; cursor;) {
        const auto page = table.page(*cursor, 100, {});
        for (const auto& row : page.rows) counts[row.owner]++;
        cursor = page.next;
    }
    counts.erase("gateway");
    return counts;
}

void write_file(const fs::path& path, const FileBytes& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

FileBytes read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A gateway's start: its table is full when this is made.
struct Started : Site {
    explicit Started(const fs::path& directory, MappingConfig config = site())
        : Site(std::move(config)), opened(Store::open(loop, directory, table, clock)) {}
    run::Loop loop;
    Result<std::unique_ptr<Store>> opened;
};

}  // namespace

TEST_CASE("all of the recorded database is taken over", "[bolt]") {
    const auto bytes = test::sample();
    const auto contents = bolt::parse(bytes, k44);
    REQUIRE(contents);
    REQUIRE(contents->mappings.size() == 299 + 43);
    Site here;
    const auto imported = bolt::Importer(here.table, here.clock).take(*contents);
    CHECK(imported.remote == 299);
    CHECK(imported.local == 43);
    CHECK(imported.over == 0);
    CHECK(imported.refused == 0);
    for (const auto& mapping : contents->mappings) {
        if (mapping.relation == Relation::remote) {
            CHECK(here.table.theirs(mapping.ip) == mapping.ipref);
            CHECK(here.table.encode(mapping.ipref, v4)->ea == mapping.ip);
        } else {
            CHECK(here.table.host(mapping.ipref) == mapping.ip);
            CHECK(here.table.ours(mapping.ip, v4) == mapping.ipref);
        }
    }
    CHECK(by_owner(here.table) == std::map<std::string, size_t>{{"dynamic", 302},
                                                                {"internal:example.com", 20},
                                                                {"internal:example.org", 20}});
    // They live on as others do: four hours without use, a source four without confirmation.
    here.later(kMappingLife - 1);
    here.sweep_all();
    CHECK(by_owner(here.table).size() == 3);
    here.later(2 * kUseStamp);
    here.sweep_all();
    CHECK(by_owner(here.table).empty());
}

TEST_CASE("live is what has a mark not below its owner's; dead dynamic numbers rest", "[bolt]") {
    Written file;
    file.remote(1, 100, "10.240.16.2", at("198.51.100.7", "1001"));
    file.remote(1, 99, "10.240.16.3", at("198.51.100.7", "1002"));
    file.local(3, 200, "192.168.1.6", at("203.0.113.1", "1025"));
    file.local(3, 199, "192.168.1.7", at("203.0.113.1", "1026"));
    Site here;
    const auto imported = bolt::Importer(here.table, here.clock).take(file.contents());
    CHECK(imported.remote == 1);
    CHECK(imported.local == 1);
    CHECK(imported.over == 2);
    CHECK(imported.refused == 0);
    CHECK(here.table.theirs(ip("10.240.16.2")));
    CHECK_FALSE(here.table.theirs(ip("10.240.16.3")));
    CHECK_FALSE(here.table.host(at("203.0.113.1", "1026")));
    CHECK(here.table.resting() == 1);
}

TEST_CASE("what does not fit this gateway is refused and named", "[bolt]") {
    Written file;
    file.remote(1, 100, "10.240.16.2", at("198.51.100.7", "1001"));
    file.remote(1, 100, "10.99.16.2", at("198.51.100.7", "1002"));
    file.remote(1, 100, "10.240.16.4", at("127.0.0.1", "1003"));
    file.remote(1, 100, "10.240.0.1", at("198.51.100.7", "1004"));
    file.local(1, 100, "10.240.16.5", at("203.0.113.1", "9-1025"));
    file.local(1, 100, "192.168.1.9", at("203.0.113.99", "9-1026"));  // its context was another
    file.local(3, 200, "192.168.1.6", at("203.0.113.99", "1027"));    // published there: still is
    file.local(3, 200, "192.168.1.7", at("203.0.113.1", "1"));        // the gateway's own
    Site here;
    const auto imported = bolt::Importer(here.table, here.clock).take(file.contents());
    CHECK(imported.remote == 1);
    CHECK(imported.local == 1);
    CHECK(imported.refused == 6);
    REQUIRE(imported.reasons.size() == 6);
    std::string all;
    for (const auto& reason : imported.reasons) all += reason + "\n";
    CAPTURE(all);
    CHECK(all.find("10.99.16.2 = 198.51.100.7 + 1002: ") != std::string::npos);
    CHECK(all.find("outside the encode network") != std::string::npos);
    CHECK(all.find("not this gateway's") != std::string::npos);
    CHECK(here.table.host(at("203.0.113.99", "1027")) == ip("192.168.1.6"));
}

TEST_CASE("of two that claim the same, statics win, the hosts file first", "[bolt]") {
    Written file;
    file.remote(1, 900, "10.240.16.2", at("198.51.100.7", "1001"));
    file.remote(3, 200, "10.240.16.3", at("198.51.100.7", "1001"));
    file.remote(2, 100, "10.240.16.4", at("198.51.100.7", "1001"));
    Site here;
    const auto imported = bolt::Importer(here.table, here.clock).take(file.contents());
    CHECK(imported.remote == 1);
    CHECK(imported.refused == 2);
    CHECK(here.table.encode(at("198.51.100.7", "1001"), v4)->ea == ip("10.240.16.4"));
    CHECK(by_owner(here.table) == std::map<std::string, size_t>{{"hosts file /etc/hosts", 1}});
}

TEST_CASE("a host's published reference is used before one that was made for it", "[bolt]") {
    Written file;
    file.local(1, 900, "192.168.1.6", at("203.0.113.1", "9-1025"));
    file.local(3, 200, "192.168.1.6", at("203.0.113.1", "1025"));
    file.local(3, 201, "192.168.1.6", at("203.0.113.1", "1026"));
    Site here;
    bolt::Importer(here.table, here.clock).take(file.contents());
    CHECK(here.table.ours(ip("192.168.1.6"), v4) == at("203.0.113.1", "1026"));
    CHECK(here.table.host(at("203.0.113.1", "9-1025")) == ip("192.168.1.6"));
}

TEST_CASE("an owner whose name is none is refused with what it holds", "[bolt]") {
    Written file;
    file.oid[2].second = GENERATE(std::string(), std::string("a\nb"), std::string(2000, 'a'));
    file.local(3, 200, "192.168.1.6", at("203.0.113.1", "1025"));
    Site here;
    const auto imported = bolt::Importer(here.table, here.clock).take(file.contents());
    CHECK(imported.local == 0);
    CHECK(imported.refused == 1);
    CHECK(here.table.owners().empty());
}

TEST_CASE("records that lie are damage", "[bolt]") {
    Written file;
    file.remote(1, 100, "10.240.16.2", at("198.51.100.7", "1001"));
    auto& [key, value] = *file.ea.begin();
    SECTION("too short") {
        value.pop_back();
    }
    SECTION("too long") {
        value += 'x';
    }
    SECTION("of another key") {
        value[11] = 'x';
    }
    SECTION("of nobody") {
        value[3] = 9;
    }
    SECTION("an owner's number of another length") {
        file.oid[0].first += 'x';
    }
    SECTION("a mark of another length") {
        file.mark[0].second += 'x';
    }
    SECTION("no owner at all") {
        file.oid.clear();
    }
    CHECK_FALSE(bolt::parse(file.bytes(), k44));
}

TEST_CASE("files of other families hold what fits there", "[bolt]") {
    Written file;
    file.remote(1, 100, "fd00:240::1602", at("198.51.100.7", "1001"));
    file.local(3, 200, "fd00:1::6", at("203.0.113.1", "1025"));
    MappingConfig config = site();
    config.encode_nets = {net::Cidr::parse("fd00:240::/64").value()};
    Site here(config);
    const auto imported = bolt::Importer(here.table, here.clock).take(file.contents({v6, v4}));
    CHECK(imported.refused == 0);
    CHECK(here.table.theirs(ip("fd00:240::1602")) == at("198.51.100.7", "1001"));
    CHECK(here.table.host(at("203.0.113.1", "1025")) == ip("fd00:1::6"));
    CHECK_FALSE(bolt::parse(file.bytes(), k44));
}

TEST_CASE("a first start imports, once, and leaves the file alone", "[bolt]") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / kName;
    write_file(path, test::sample());
    const auto ea = ip("10.240.29.99");
    {
        Started first(directory.path());
        REQUIRE(first.opened);
        CHECK(first.table.theirs(ea) == at("192.0.2.44", "2728"));
        CHECK(first.table.count(Relation::remote) == 299);
        CHECK(first.table.withdraw("internal:example.com"));
    }
    CHECK(read_file(path) == test::sample());
    Started second(directory.path());
    REQUIRE(second.opened);
    CHECK(second.table.theirs(ea) == at("192.0.2.44", "2728"));
    CHECK(second.table.count(Relation::local) == 43 - 20);
}

TEST_CASE("a start that is killed after its import has all of it", "[bolt]") {
    const TemporaryDirectory directory;
    write_file(directory.path() / kName, test::sample());
    {
        Started first(directory.path());
        REQUIRE(first.opened);
        StoreOpened found;  // what is on the disk now, before anything was closed
        fs::copy(directory.path() / "mapper.lmdb", directory.path() / "copy");
        const auto disk = open_database((directory.path() / "copy").string(), found);
        REQUIRE(disk);
        CHECK((*disk)->count(Relation::remote) == 299);
        CHECK((*disk)->count(Relation::local) == 43);
    }
}

TEST_CASE("a damaged file is passed over; the start goes on empty", "[bolt]") {
    const TemporaryDirectory directory;
    auto damaged = test::sample();
    SECTION("cut off") {
        damaged.resize(13 * 4096);
    }
    SECTION("empty") {
        damaged.clear();
    }
    SECTION("metas torn") {
        damaged[40] ^= 1, damaged[4096 + 40] ^= 1;
    }
    SECTION("a page torn") {
        std::fill_n(damaged.begin() + 3 * 4096, 2048, uint8_t{0});
    }
    write_file(directory.path() / kName, damaged);
    Started here(directory.path());
    REQUIRE(here.opened);
    CHECK(by_owner(here.table).empty());
    CHECK(here.table.resting() == 0);
    CHECK(read_file(directory.path() / kName) == damaged);
}

TEST_CASE("there is no import beside a database of our own, damaged or not", "[bolt]") {
    const TemporaryDirectory directory;
    SECTION("whole, and empty") {
        REQUIRE(Started(directory.path()).opened);
    }
    SECTION("damaged: what it held is newer than the file") {
        write_file(directory.path() / "mapper.lmdb", FileBytes(8192, 'x'));
    }
    write_file(directory.path() / kName, test::sample());
    for (int start = 0; start < 2; start++) {
        Started here(directory.path());
        REQUIRE(here.opened);
        CHECK(by_owner(here.table).empty());
    }
}

TEST_CASE("a gateway that still runs is not imported from; the next start tries again", "[bolt]") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / kName;
    write_file(path, test::sample());
    const int fd = open(path.c_str(), O_RDWR);
    REQUIRE(flock(fd, LOCK_EX) == 0);
    {
        const Started here(directory.path());
        REQUIRE_FALSE(here.opened);
        CHECK(here.opened.error().text.find("stop that one first") != std::string::npos);
    }
    close(fd);
    const Started again(directory.path());
    REQUIRE(again.opened);
    CHECK(again.table.count(Relation::remote) == 299);
}

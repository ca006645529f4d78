// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/bolt/file.h"

#include <nlohmann/json.hpp>

#include "sample.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;
using test::BoltWriter;
using test::FileBytes;

namespace {

std::string hex(bolt::Bytes bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

std::string plain(bolt::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

/// Why the file is refused; empty if it is not.
std::string error_of(const FileBytes& file) {
    const auto buckets = bolt::read_file(file);
    return buckets ? "" : buckets.error().text;
}

/// One bucket "b" with one item, on pages of this size.
BoltWriter small(size_t page_size) {
    BoltWriter file(page_size, 8);
    file.metas(3);
    file.leaf(3, {{"b", BoltWriter::root(4)}}, true);
    file.leaf(4, {{"key", "value"}});
    return file;
}

}  // namespace

TEST_CASE("the recorded file holds what its listing says", "[bolt]") {
    const auto bytes = test::sample();
    const auto buckets = bolt::read_file(bytes);
    REQUIRE(buckets);
    std::ifstream listing(test::sample_path("mapper_ea4_gw4.json"));
    const auto expected = nlohmann::json::parse(listing);
    REQUIRE(buckets->size() == expected.size());
    for (const auto& bucket : *buckets) {
        const auto name = plain(bucket.name);
        CAPTURE(name);
        const auto& items = expected.at(name);
        REQUIRE(items.size() == bucket.items.size());
        for (size_t i = 0; i < items.size(); i++) {
            const auto& [key, value] = bucket.items[i];
            CHECK(items[i][0] == (name == "base" ? plain(key) : hex(key)));
            CHECK(items[i][1] == (name == "base" || name == "oid" ? plain(value) : hex(value)));
        }
    }
}

TEST_CASE("pages of any size, branches, overflow and inline buckets are read", "[bolt]") {
    for (const size_t size : {512, 1024, 4096, 16384, 65536}) {
        CAPTURE(size);
        auto file = small(size);
        const std::string large(2 * size, 'x');
        file.branch(4, {{"a", 5}, {"m", 2}});
        file.leaf(5, {{"a", large}, {"b", "2"}}, false, 2);
        file.leaf(2, {{"m", "3"}});
        const auto buckets = bolt::read_file(file.bytes());
        REQUIRE(buckets);
        const auto& items = buckets->at(0).items;
        REQUIRE(items.size() == 3);
        CHECK(plain(items[0].value) == large);
        CHECK(plain(items[1].value) == "2");
        CHECK(plain(items[2].key) == "m");
    }
    auto file = small(512);
    BoltWriter inside(512, 1);  // a page of its own, within the value
    inside.leaf(0, {{"k", "v"}});
    const std::string page(inside.bytes().begin(), inside.bytes().begin() + 40);
    file.leaf(3, {{"b", BoltWriter::root(0) + page}}, true);
    const auto buckets = bolt::read_file(file.bytes());
    REQUIRE(buckets);
    REQUIRE(buckets->at(0).items.size() == 1);
    CHECK(plain(buckets->at(0).items[0].value) == "v");
}

TEST_CASE("the newer of two whole metas counts, and one is enough", "[bolt]") {
    auto file = small(1024);
    file.leaf(5, {{"c", BoltWriter::root(6)}}, true);
    file.leaf(6, {});
    test::put(file.bytes(), 16 + 16, uint64_t{5});  // the older one's root
    test::seal_meta(file.bytes(), 0);
    CHECK(plain(bolt::read_file(file.bytes()).value()[0].name) == "b");
    SECTION("the newer is torn") {
        file.bytes()[1024 + 40] ^= 1;
        CHECK(plain(bolt::read_file(file.bytes()).value()[0].name) == "c");
    }
    SECTION("the older is torn: nobody says how large a page is") {
        file.bytes()[40] ^= 1;
        CHECK(plain(bolt::read_file(file.bytes()).value()[0].name) == "b");
    }
    SECTION("both are torn") {
        file.bytes()[40] ^= 1;
        file.bytes()[1024 + 40] ^= 1;
        CHECK(error_of(file.bytes()).find("no bbolt file") == 0);
    }
}

TEST_CASE("files that are none, or end early, are refused", "[bolt]") {
    CHECK(!error_of({}).empty());
    CHECK(!error_of(FileBytes(100, 'x')).empty());
    CHECK(!error_of(FileBytes(1 << 20, 0)).empty());
    auto whole = test::sample();
    for (const size_t size : {79, 80, 4096, 3 * 4096, 13 * 4096, 14 * 4096 - 1}) {
        CAPTURE(size);
        CHECK(!error_of({whole.begin(), whole.begin() + static_cast<long>(size)}).empty());
    }
    // The pages after the last one used are padding.
    CHECK(error_of({whole.begin(), whole.begin() + 15 * 4096}).empty());
    CHECK(!error_of({whole.begin(), whole.begin() + 15 * 4096 - 1}).empty());
}

TEST_CASE("a tree that goes round, or has a page twice, is refused", "[bolt]") {
    auto file = small(512);
    SECTION("a branch that is its own child") {
        file.branch(4, {{"a", 4}});
    }
    SECTION("a child that is the root of all") {
        file.branch(4, {{"a", 3}});
    }
    SECTION("one child twice") {
        file.branch(4, {{"a", 5}, {"b", 5}});
        file.leaf(5, {{"a", "1"}});
    }
    SECTION("one page for two buckets") {
        file.leaf(3, {{"a", BoltWriter::root(4)}, {"b", BoltWriter::root(4)}}, true);
    }
    SECTION("a page within another's overflow") {
        file.branch(4, {{"a", 5}, {"b", 6}});
        file.leaf(5, {{"a", "1"}}, false, 1);
        file.leaf(6, {{"b", "1"}});
    }
    CHECK(error_of(file.bytes()).find("part of two things") != std::string::npos);
}

TEST_CASE("a tree deeper than any real one is refused", "[bolt]") {
    BoltWriter file(512, 64);
    file.metas(3);
    file.leaf(3, {{"b", BoltWriter::root(4)}}, true);
    for (uint64_t id = 4; id < 60; id++) file.branch(id, {{"a", id + 1}});
    file.leaf(60, {{"a", "1"}});
    CHECK(error_of(file.bytes()).find("too deep") != std::string::npos);
}

TEST_CASE("pages and items that lie about themselves are refused", "[bolt]") {
    auto file = small(512);
    auto& bytes = file.bytes();
    constexpr size_t kPage = 4 * 512;
    const auto refused = [&] { return !error_of(bytes).empty(); };
    REQUIRE(!refused());
    SECTION("another page's number") {
        test::put(bytes, kPage, uint64_t{5});
    }
    SECTION("a meta's flags") {
        test::put(bytes, kPage + 8, uint16_t{4});
    }
    SECTION("more elements than fit") {
        test::put(bytes, kPage + 10, uint16_t{32});
    }
    SECTION("overflow beyond the end") {
        test::put(bytes, kPage + 12, uint32_t{4});
    }
    SECTION("overflow that wraps") {
        test::put(bytes, kPage + 12, UINT32_MAX);
    }
    SECTION("an item within the elements") {
        test::put(bytes, kPage + 20, uint32_t{15});
    }
    SECTION("an item beyond the page") {
        test::put(bytes, kPage + 20, uint32_t{4096});
    }
    SECTION("a position that wraps") {
        test::put(bytes, kPage + 20, UINT32_MAX);
    }
    SECTION("a key beyond the page") {
        test::put(bytes, kPage + 24, uint32_t{490});
    }
    SECTION("a value beyond the page") {
        test::put(bytes, kPage + 28, UINT32_MAX);
    }
    SECTION("a child outside the file") {
        file.branch(4, {{"a", UINT64_MAX}});
    }
    SECTION("a child that is a meta") {
        file.branch(4, {{"a", 1}});
    }
    SECTION("a bucket within a bucket") {
        file.leaf(4, {{"a", BoltWriter::root(5)}}, true);
    }
    SECTION("an item outside of buckets") {
        file.leaf(3, {{"a", "1"}});
    }
    SECTION("a bucket without a root") {
        file.leaf(3, {{"a", "1"}}, true);
    }
    SECTION("keys out of order") {
        file.leaf(4, {{"b", "1"}, {"a", "2"}});
    }
    SECTION("a key twice") {
        file.leaf(4, {{"a", "1"}, {"a", "2"}});
    }
    CHECK(refused());
}

TEST_CASE("items that overlap are refused: they would be read again and again", "[bolt]") {
    auto file = small(512);
    file.leaf(4, {{"a", "1"}, {"b", "2"}});
    test::put(file.bytes(), 4 * 512 + 16 + 16 + 4, uint32_t{16});  // the second where the first is
    CHECK(error_of(file.bytes()).find("lies elsewhere") != std::string::npos);
}

// Whatever bit tips over, the reader comes back, with a value or an error.
TEST_CASE("every byte of the recorded file may be damaged", "[bolt]") {
    const auto whole = test::sample();
    size_t refused = 0;
    for (size_t at = 0; at < 15 * 4096; at += 7) {
        auto damaged = whole;
        damaged[at] ^= static_cast<uint8_t>(1 + at % 255);
        refused += bolt::read_file(damaged) ? 0 : 1;
    }
    CHECK(refused > 100);
}

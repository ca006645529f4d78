// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/dnssec.h"

#include <ctime>
#include <fstream>

#include "common/dns/ldns.h"
#include "unit/catch.h"
#include "unit/common/dns/signed_records.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::dns;
using namespace ipref::test;

namespace {

constexpr int64_t kNow = 1'800'000'000;    // 2027
constexpr int64_t kUntil = 3'471'292'800;  // 2080-01-01

Name name(const std::string& text) {
    return Name::parse(text).value();
}

/// The records of one owner and type among those lines, with their signatures.
SignedSet set_of(const std::vector<std::string>& lines, const std::string& owner, uint16_t type) {
    SignedSet set;
    for (const auto& line : lines) {
        const auto record = parse_record(line).value();
        if (record.owner != name(owner)) continue;
        if (record.type == type) set.records.push_back(record);
        if (record.type == rr::kRrsig && covered_type(record.rdata) == type) {
            set.signatures.push_back(record);
        }
    }
    return set;
}

tl::expected<ZoneKeys, std::string> com_keys(int64_t now = kNow) {
    return ZoneKeys::make(name("com"), {parse_record(kComAnchor).value()},
                          set_of(kComKeys, "com", rr::kDnskey), now);
}

ZoneKeys example_keys() {
    return ZoneKeys::make(name("example.com"), set_of(kExampleDs, "example.com", rr::kDs).records,
                          set_of(kExample, "example.com", rr::kDnskey), kNow)
        .value();
}

}  // namespace

TEST_CASE("from an anchor down to a record", "[dnssec]") {
    const auto com = com_keys();
    REQUIRE(com);
    CHECK(com->until() == kUntil);
    CHECK(com->verify(set_of(kExampleDs, "example.com", rr::kDs), kNow) == kUntil);
    const auto keys = example_keys();
    const auto web = set_of(kExample, "web.example.com", rr::kTxt);
    CHECK(web.records.size() == 2);
    CHECK(keys.verify(web, kNow) == kUntil);
}

TEST_CASE("sets that are not as they were signed", "[dnssec]") {
    const auto keys = example_keys();
    const auto web = set_of(kExample, "web.example.com", rr::kTxt);
    auto changed = web;
    changed.records[0].rdata[5] ^= 1;
    CHECK(keys.verify(changed, kNow).error() == "are signed, but are not what was signed");
    auto fewer = web;
    fewer.records.pop_back();
    CHECK(keys.verify(fewer, kNow).error() == "are signed, but are not what was signed");
    auto moved = web;
    for (auto& one : moved.records) one.owner = name("www.example.com");
    CHECK_FALSE(keys.verify(moved, kNow));
    auto bare = web;
    bare.signatures.clear();
    CHECK(keys.verify(bare, kNow).error() == "are not signed");
    auto cut = web;
    cut.signatures[0].rdata.resize(17);
    CHECK(keys.verify(cut, kNow).error() == "are not signed");
    CHECK(keys.verify({}, kNow).error() == "are not there");
}

TEST_CASE("signatures have a beginning and an end", "[dnssec]") {
    const auto keys = example_keys();
    const auto web = set_of(kExample, "web.example.com", rr::kTxt);
    CHECK(keys.verify(web, kUntil));
    CHECK(keys.verify(web, kUntil + 1).error() ==
          "are signed, but the signature expired on 2080-01-01 00:00:00 UTC");
    CHECK(keys.verify(web, 1'500'000'000).error() ==
          "are signed, but the signature is not valid yet; is the clock right?");
    // In either order: that of another key does not hide the reason.
    for (int turn = 0; turn < 2; turn++) {
        auto set = set_of(kComKeys, "com", rr::kDnskey);
        REQUIRE(set.signatures.size() == 2);
        if (turn == 1) std::swap(set.signatures[0], set.signatures[1]);
        const std::vector anchors{parse_record(kComAnchor).value()};
        CHECK(ZoneKeys::make(name("com"), anchors, set, kUntil + 1).error().find("expired on") !=
              std::string::npos);
    }
    CHECK(com_keys(kUntil + 1).error().find("the DNSKEY records of com. are signed, but the") == 0);
}

TEST_CASE("signatures of others do not count", "[dnssec]") {
    const auto web = set_of(kExample, "web.example.com", rr::kTxt);
    CHECK(com_keys().value().verify(web, kNow).error() ==
          "are signed by example.com., not by com.");
    // Deeper than the signature says: a wildcard was filled in.
    auto deeper = web;
    for (auto& one : deeper.records) one.owner = name("a.b.example.com");
    CHECK(example_keys().verify(deeper, kNow).error() == "are made by a wildcard");
}

TEST_CASE("keys that nobody vouches for", "[dnssec]") {
    const auto set = set_of(kComKeys, "com", rr::kDnskey);
    CHECK(ZoneKeys::make(name("com"), root_anchors(), set, kNow).error() ==
          "none of the keys of com. is trusted");
    CHECK(ZoneKeys::make(name("com"), set_of(kExampleDs, "example.com", rr::kDs).records, set, kNow)
              .error() == "none of the keys of com. is trusted");
    CHECK(ZoneKeys::make(name("com"), {}, {}, kNow).error() ==
          "com. has no DNSKEY record: it is not signed");
    auto revoked = set;
    for (auto& one : revoked.records) one.rdata[1] |= 0x80;
    CHECK_FALSE(ZoneKeys::make(name("com"), revoked.records, revoked, kNow));
    // A key itself is an anchor as good as its hash.
    CHECK(ZoneKeys::make(name("com"), set.records, set, kNow));
}

TEST_CASE("anchors in a file", "[dnssec]") {
    const TemporaryDirectory folder;
    const auto path = folder.file("anchors");
    const auto read = [&](const std::string& text) {
        std::ofstream(path) << text;
        const auto anchors = read_anchors(path);
        return anchors ? std::to_string(anchors->size()) : anchors.error().text;
    };
    const auto begin = "trust anchors " + path;
    CHECK(read(kComAnchor + " ; comment\n\n; nothing\n" + kComKeys[0] + "\n") == "2");
    CHECK(read("") == begin + ": there is none in it");
    CHECK(read("\nnonsense\n").find(begin + ", line 2: ") == 0);
    CHECK(read("com. 1 IN A 192.0.2.1\n") ==
          begin + ", line 1: neither a DS nor a zone's DNSKEY record");
    CHECK(read_anchors(folder.file("none")).error().text.find("cannot be read") !=
          std::string::npos);
    CHECK(root_anchors().size() == 2);
}

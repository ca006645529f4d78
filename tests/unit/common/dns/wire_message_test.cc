// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/wire_message.h"

#include <array>

#include "unit/catch.h"

using namespace ipref::dns;

namespace {

using Message = std::vector<uint8_t>;

Name name(std::string_view text) {
    return *Name::parse(text);
}

/// A header with these counts, and what follows.
Message message(uint16_t questions, uint16_t answers, const Message& rest) {
    Message all(kHeaderSize);
    Header header;
    header.flags = flag::kQr;
    header.questions = questions;
    header.answers = answers;
    header.write(all);
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
}

}  // namespace

TEST_CASE("a message that is written reads back", "[dns][message]") {
    std::array<uint8_t, 512> space;
    MessageWriter writer(space);
    REQUIRE(writer.question({name("WWW.example.org"), rr::kA, klass::kIn}));
    const std::vector<uint8_t> ip = {192, 0, 2, 1};
    const auto target = name("web.example.org");
    REQUIRE(writer.record(Section::answer, name("WWW.example.org"), rr::kCname, klass::kIn, 60,
                          target.wire()));
    REQUIRE(writer.record(Section::answer, target, rr::kA, klass::kIn, 30, ip));
    REQUIRE(writer.record(Section::authority, name("example.org"), rr::kNs, klass::kIn, 30,
                          name("ns.example.org").wire()));
    Edns edns;
    edns.dnssec_ok = true;
    std::vector<uint8_t> options;
    append_extended_error(options, ede::kNotReady, "why");
    edns.options = options;
    REQUIRE(writer.edns(edns));
    const auto wire = writer.finish(0x1234, flag::kQr | flag::kRa);

    MessageReader reader(wire);
    CHECK(reader.header().id == 0x1234);
    CHECK(reader.header().has(flag::kRa));
    const auto question = reader.question();
    REQUIRE(question);
    CHECK(question->name.str() == "WWW.example.org.");
    CHECK_FALSE(reader.question());
    const auto alias = reader.record();
    REQUIRE(alias);
    CHECK(alias->owner.str() == "WWW.example.org.");
    CHECK(alias->rdata.size() < target.size());  // compressed
    CHECK(reader.rdata_name(*alias)->str() == "web.example.org.");
    const auto address = reader.record();
    REQUIRE(address);
    CHECK(address->owner == target);
    CHECK(address->ttl == 30);
    CHECK(std::vector(address->rdata.begin(), address->rdata.end()) == ip);
    const auto server = reader.record();
    REQUIRE(server);
    CHECK(server->section == Section::authority);
    const auto plain = reader.plain_rdata(*server);
    REQUIRE(plain);
    CHECK(Name::from_wire(*plain)->str() == "ns.example.org.");
    const auto opt = reader.record();
    REQUIRE(opt);
    CHECK(opt->section == Section::additional);
    const auto read = Edns::from(*opt);
    CHECK(read.udp_size == 1232);
    CHECK(read.dnssec_ok);
    const auto option = read.option(option::kExtendedError);
    REQUIRE(option);
    CHECK(std::vector(option->begin(), option->end()) ==
          std::vector<uint8_t>{0, 14, 'w', 'h', 'y'});
    CHECK_FALSE(read.option(option::kCookie));
    CHECK_FALSE(reader.record());
    CHECK(reader.done());
}

TEST_CASE("compression keeps the case of each owner", "[dns][message]") {
    std::array<uint8_t, 512> space;
    MessageWriter writer(space);
    writer.question({name("a.example.org"), rr::kA, klass::kIn});
    REQUIRE(writer.record(Section::answer, name("A.EXAMPLE.ORG"), rr::kA, klass::kIn, 1, {}));
    MessageReader reader(writer.finish(1, 0));
    CHECK(reader.record()->owner.str() == "A.EXAMPLE.ORG.");
}

TEST_CASE("a record that does not fit leaves no trace", "[dns][message]") {
    std::array<uint8_t, 60> space;
    MessageWriter writer(space);
    REQUIRE(writer.question({name("example.org"), rr::kA, klass::kIn}));
    const auto before = writer.size();
    CHECK_FALSE(writer.record(Section::answer, name("other.name.test"), rr::kTxt, klass::kIn, 1,
                              std::vector<uint8_t>(30)));
    CHECK(writer.size() == before);
    CHECK(writer.record(Section::answer, name("example.org"), rr::kA, klass::kIn, 1,
                        std::vector<uint8_t>(4)));
    const auto mark = writer.mark();
    CHECK(writer.record(Section::answer, name("example.org"), rr::kA, klass::kIn, 1, {}));
    writer.back_to(mark);
    MessageReader reader(writer.finish(1, 0));
    CHECK(reader.header().answers == 1);
    CHECK(reader.record());
    CHECK_FALSE(reader.record());
    CHECK(reader.done());
}

TEST_CASE("the limit holds room back, and gives it free", "[dns][message]") {
    std::array<uint8_t, 100> space;
    MessageWriter writer(space);
    writer.limit(30);
    CHECK_FALSE(
        writer.record(Section::answer, Name(), rr::kTxt, klass::kIn, 1, std::vector<uint8_t>(20)));
    writer.limit(1000);
    CHECK(writer.record(Section::answer, Name(), rr::kTxt, klass::kIn, 1,
                        std::vector<uint8_t>(100 - 12 - 11)));
    CHECK(writer.size() == 100);
}

TEST_CASE("malformed messages stop at the fault", "[dns][message]") {
    CHECK_FALSE(MessageReader(Message(11)).ok());
    CHECK(MessageReader(Message(12)).done());
    const std::vector<std::pair<std::string, Message>> questions = {
        {"no name", {}},
        {"no type", {0, 0}},
        {"label past the end", {5, 'a', 0}},
        {"reserved label type", {0x40, 'a', 0, 0, 1, 0, 1}},
        {"pointer cut", {0xc0}},
        {"pointer to itself", {0xc0, 12, 0, 1, 0, 1}},
        {"pointer ahead", {0xc0, 14, 0, 0, 1, 0, 1}},
        {"pointer into the header", {0xc0, 0, 0, 1, 0, 1}},
        {"pointer past the end", {0xff, 0xff, 0, 1, 0, 1}},
    };
    for (const auto& [what, bytes] : questions) {
        INFO(what);
        const auto wire = message(1, 0, bytes);
        MessageReader reader(wire);
        CHECK_FALSE(reader.question());
        CHECK_FALSE(reader.ok());
        CHECK_FALSE(reader.record());
    }
    const std::vector<std::pair<std::string, Message>> records = {
        {"cut in its numbers", {0, 0, 1, 0, 1, 0, 0, 0, 0, 0}},
        {"data past the end", {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4}},
    };
    for (const auto& [what, bytes] : records) {
        INFO(what);
        const auto wire = message(0, 1, bytes);
        MessageReader reader(wire);
        CHECK_FALSE(reader.record());
        CHECK_FALSE(reader.ok());
    }
}

TEST_CASE("what trails a message is noticed", "[dns][message]") {
    const auto wire = message(1, 0, {0, 0, 1, 0, 1, 99});
    MessageReader reader(wire);
    CHECK(reader.question());
    CHECK(reader.ok());
    CHECK_FALSE(reader.done());
}

TEST_CASE("a ladder of pointers is bounded by the length of a name", "[dns][message]") {
    Message rest = {1, 'a', 0};  // at 12
    for (int i = 0; i < 200; i++) {
        const size_t to = i == 0 ? 12 : 15 + 4 * (static_cast<size_t>(i) - 1);
        rest.insert(rest.end(),
                    {1, 'b', static_cast<uint8_t>(0xc0 | to >> 8), static_cast<uint8_t>(to)});
    }
    const auto wire = message(0, 0, rest);
    const MessageReader reader(wire);
    CHECK(reader.name_at(15)->str() == "b.a.");
    CHECK(reader.name_at(15 + 4 * 125)->labels() == 127);
    CHECK_FALSE(reader.name_at(15 + 4 * 126));
}

TEST_CASE("names in data are decompressed by type", "[dns][message]") {
    // At 12 "x.", then an answer whose data ends in a pointer to it.
    const auto with = [](uint16_t type, const Message& data) {
        Message rest = {1, 'x', 0, 0, 1, 0, 1, 0};
        rest.insert(rest.end(), {static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type), 0, 1,
                                 0, 0, 0, 0, 0, static_cast<uint8_t>(data.size())});
        rest.insert(rest.end(), data.begin(), data.end());
        const auto wire = message(1, 1, rest);
        MessageReader reader(wire);
        const auto record = reader.record();
        REQUIRE(record);
        return reader.plain_rdata(*record);
    };
    CHECK(with(rr::kMx, {0, 10, 0xc0, 12}) == Message{0, 10, 1, 'x', 0});
    CHECK(with(rr::kSrv, {0, 1, 0, 2, 0, 3, 0xc0, 12}) == Message{0, 1, 0, 2, 0, 3, 1, 'x', 0});
    CHECK(with(rr::kSoa, {0xc0, 12, 0xc0, 12, 9, 9}) == Message{1, 'x', 0, 1, 'x', 0, 9, 9});
    CHECK(with(rr::kNaptr, {0, 1, 0, 2, 1, 'u', 0, 0, 0xc0, 12}) ==
          Message{0, 1, 0, 2, 1, 'u', 0, 0, 1, 'x', 0});
    CHECK(with(rr::kTxt, {2, 0xc0, 12}) == Message{2, 0xc0, 12});
    CHECK(with(rr::kA, {1, 2, 3, 4}) == Message{1, 2, 3, 4});
    CHECK_FALSE(with(rr::kMx, {0}));
    CHECK_FALSE(with(rr::kCname, {0xc0}));
    CHECK_FALSE(with(rr::kNaptr, {0, 1, 0, 2, 9}));
}

TEST_CASE("malformed EDNS options end the search", "[dns][message]") {
    Edns edns;
    const Message options = {0, 10, 0, 2, 1, 2, 0, 15, 0, 9, 1};
    edns.options = options;
    CHECK(edns.option(10));
    CHECK_FALSE(edns.option(15));
}

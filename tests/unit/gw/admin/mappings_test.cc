// SPDX-License-Identifier: GPL-2.0-or-later
// Paging: from a table through the answers of a session to a listing.
#include "gw/admin/mappings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "../mapping/fixture.h"
#include "gw/broker/session.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::gw;
using namespace ipref::gw::admin;

namespace {

/// A site and the answers of its mapper, without sockets.
struct Mapper : Site {
    BrokerOptions options;
    BrokerSources sources;
    SessionContext context{table,
                           options,
                           sources,
                           [] { return size_t{0}; },
                           [] { return std::map<std::string, uint64_t>(); },
                           [] { return std::string(); }};
    size_t pages = 0;

    Answer<proto::Frame> answer(const proto::Frame& request) {
        pages++;
        auto frame = wire::parse_frame(answer_mappings(context, request).record).value();
        if (frame.has_failure()) return trouble(exit_failed, "{}", frame.failure().text());
        return frame;
    }
    std::string list(const MappingQuery& query, bool json = false) {
        std::string out;
        const auto done = list_mappings(
            query, json, [this](const proto::Frame& request) { return answer(request); },
            [&](std::string_view text) {
                largest = std::max(largest, text.size());
                out += text;
                return true;
            });
        if (!done) FAIL(done.error().text);
        return out;
    }
    size_t largest = 0;  // of what was written at a time
};

MappingQuery of_host(const std::string& host) {
    return {.hosts = {host}, .gw = {}, .ref = {}, .owner = {}};
}

}  // namespace

TEST_CASE("a listing of many pages has every mapping once, a page at a time", "[admin]") {
    Mapper mapper;
    std::set<std::string> expected;
    for (uint64_t i = 0; i < 20'000; i++) {
        const auto encoded = mapper.table.encode({ip("198.51.100.9"), {0, 1000 + i}}, v4);
        REQUIRE(encoded);
        expected.insert(encoded->ea.str());
    }
    const auto json = nlohmann::json::parse(mapper.list({}, true));
    CHECK(json["schema"] == "ipref.mappings/1");
    std::set<std::string> seen;
    for (const auto& row : json["mappings"]) {
        if (row["owner"] == "dynamic") CHECK(seen.insert(row["ip"]).second);
    }
    CHECK(seen == expected);
    CHECK(mapper.pages >= 40);
    CHECK(mapper.largest < 200'000);
}

TEST_CASE("filters find one among many, whatever they are", "[admin]") {
    Mapper mapper;
    std::string ea;
    for (uint64_t i = 0; i < 20'000; i++) {
        ea = mapper.table.encode({ip("198.51.100.9"), {0, 1000 + i}}, v4)->ea.str();
    }
    const auto other = mapper.table.encode({ip("198.51.100.8"), {0, 7000}}, v4)->ea.str();
    const auto lines = [](const std::string& text) {
        return std::ranges::count(text, '\n') - 1;  // without the heading
    };
    auto text = mapper.list(of_host(ea));
    CHECK(lines(text) == 1);
    CHECK(text.find("198.51.100.9 + 20999") != std::string::npos);
    MappingQuery query;
    query.gw = wire::bytes_of(ip("198.51.100.8"));
    text = mapper.list(query);
    CHECK(lines(text) == 1);
    CHECK(text.find(other) != std::string::npos);
    query = {};
    query.ref = wire::bytes_of(net::Ref{0, 7000});
    CHECK(lines(mapper.list(query)) == 2);
    query.owner = "nobody";
    CHECK(mapper.list(query) == "no such mappings\n");
    CHECK(lines(mapper.list({.hosts = {ea, other}, .gw = {}, .ref = {}, .owner = {}})) == 2);
    CHECK(nlohmann::json::parse(mapper.list(query, true))["mappings"].empty());
}

TEST_CASE("a reader that has gone, a refusal, and a gateway that goes in circles end it") {
    const auto yes = [](std::string_view) { return true; };
    const auto refuse = [](const proto::Frame&) -> Answer<proto::Frame> {
        return trouble(exit_no_gateway, "gone");
    };
    CHECK(list_mappings({}, false, refuse, yes).error().status == exit_no_gateway);
    Mapper mapper;
    const auto ask = [&](const proto::Frame& request) { return mapper.answer(request); };
    const auto no = [](std::string_view) { return false; };
    CHECK(list_mappings({}, true, ask, no).error().status == exit_failed);
    const auto circle = [](const proto::Frame&) -> Answer<proto::Frame> {
        proto::Frame frame;
        frame.mutable_mappings()->set_next("12345678");
        return frame;
    };
    CHECK(list_mappings({}, true, circle, yes).error().status == exit_failed);
    CHECK(list_mappings(of_host("x"), true, ask, yes).error().status == exit_failed);
}

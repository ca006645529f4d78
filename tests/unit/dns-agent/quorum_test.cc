// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/quorum.h"

#include "unit/catch.h"

using namespace ipref::agent;

namespace {

std::shared_ptr<const Zone> zone(std::vector<std::string> owners, uint32_t serial = 1) {
    auto out = std::make_shared<Zone>();
    out->serial = serial;
    for (auto& owner : owners) out->entries.push_back({owner, "203.0.113.1", {0, 1025}});
    return out;
}

}  // namespace

TEST_CASE("a majority of all servers must give the same entries", "[quorum]") {
    const auto old = zone({"a."});
    const auto fresh = zone({"a.", "b."}, 2);
    struct Case {
        std::vector<Vote> votes;
        size_t needed;
        std::shared_ptr<const Zone> agreed;
    };
    const std::vector<Case> cases = {
        {{{"1", old}}, 1, old},
        {{{"1", nullptr}}, 1, nullptr},
        {{{"1", old}, {"2", old}}, 2, old},
        {{{"1", old}, {"2", fresh}}, 2, nullptr},
        {{{"1", old}, {"2", nullptr}}, 2, nullptr},
        {{{"1", old}, {"2", fresh}, {"3", fresh}}, 2, fresh},
        {{{"1", old}, {"2", nullptr}, {"3", nullptr}}, 2, nullptr},
        {{{"1", old}, {"2", old}, {"3", fresh}, {"4", fresh}}, 3, nullptr},
        {{{"1", old}, {"2", old}, {"3", old}, {"4", fresh}, {"5", nullptr}}, 3, old},
    };
    for (const auto& one : cases) {
        const auto verdict = quorum(one.votes);
        CHECK(verdict.needed == one.needed);
        CHECK(verdict.zone == one.agreed);
    }
}

TEST_CASE("serials do not count, entries do", "[quorum]") {
    const std::vector<Vote> votes = {{"1", zone({"a."}, 1)}, {"2", zone({"a."}, 2)}};
    CHECK(quorum(votes).zone == votes[0].zone);
    CHECK(quorum(votes).differences.empty());
}

TEST_CASE("differences name the servers and the entries", "[quorum]") {
    const std::vector<Vote> votes = {
        {"192.0.2.1:53", zone({"a.", "b."})},
        {"192.0.2.2:53", zone({"a.", "b."})},
        {"192.0.2.3:53", zone({"b.", "c."})},
    };
    const auto verdict = quorum(votes);
    CHECK(verdict.votes == 2);
    CHECK(verdict.differences ==
          std::vector<std::string>{
              "192.0.2.3:53 has, compared with 192.0.2.1:53, 1 more, 1 less (+ c. AA "
              "203.0.113.1 + 1025, - a. AA 203.0.113.1 + 1025)"});
    CHECK(difference(*zone({}), *zone({"a.", "b.", "c.", "d.", "e.", "f.", "g."}))
              .find(", 2 more)") != std::string::npos);
}

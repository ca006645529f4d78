// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/drop_reason.h"

#include <set>
#include <string>

#include "unit/catch.h"

using namespace ipref::gw;

TEST_CASE("each reason has its own label and words", "[drop]") {
    std::set<std::string_view> names;
    std::set<std::string_view> texts;
    for (const auto& info : drop_reasons()) {
        CHECK(names.insert(info.name).second);
        CHECK(texts.insert(info.text).second);
        CHECK(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
              std::string_view::npos);
        CHECK_FALSE(info.text.ends_with('.'));
        CHECK(&describe(info.reason) == &info);
    }
    CHECK(names.size() == kDropReasons);
}

TEST_CASE("drops are counted by reason", "[drop]") {
    DropCounters counters;
    counters.count(DropReason::ip_options);
    counters.count(DropReason::ip_options);
    CHECK(counters.get(DropReason::ip_options) == 2);
    CHECK(counters.get(DropReason::icmp_rate_limited) == 0);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/text.h"

#include "common/run/json.h"
#include "unit/catch.h"

using namespace ipref::gw::admin;
using ipref::run::Json;

TEST_CASE("durations have at most two units", "[admin]") {
    CHECK(duration(0) == "0 s");
    CHECK(duration(59) == "59 s");
    CHECK(duration(60) == "1 min");
    CHECK(duration(303) == "5 min 3 s");
    CHECK(duration(3599) == "59 min 59 s");
    CHECK(duration(3601) == "1 h");
    CHECK(duration(12'000) == "3 h 20 min");
    CHECK(duration(86400 * 8 + 4 * 3600) == "8 d 4 h");
}

TEST_CASE("bytes have two or three digits and a unit", "[admin]") {
    CHECK(bytes(0) == "0 B");
    CHECK(bytes(999) == "999 B");
    CHECK(bytes(4700) == "4.7 kB");
    CHECK(bytes(12'345'678) == "12 MB");
    CHECK(bytes(999'600) == "1.0 MB");
    CHECK(bytes(9'960'000) == "10 MB");
}

TEST_CASE("columns are as wide as their widest cell, headed once", "[admin]") {
    Columns columns({"name", ">n", "rest"});
    columns.add({"a", "12", "x"});
    columns.add({"longer", "3", ""});
    CHECK(columns.take() == "name     n  rest\na       12  x\nlonger   3\n");
    columns.add({"b", "4", "y"});
    CHECK(columns.take() == "b        4  y\n");
}

TEST_CASE("JSON is written with its commas, and text in it cannot break out", "[run]") {
    Json json;
    json.open('{').member("a", uint64_t{1}).key("b").open('[').value(true).value("x\"\\\n\xff");
    json.open('{').close('}').null().close(']').member("c", "").close('}');
    CHECK(json.take() == R"({"a":1,"b":[true,"x\"\\\u000a\u00ff",{},null],"c":""})");
    CHECK(json.str().empty());
}

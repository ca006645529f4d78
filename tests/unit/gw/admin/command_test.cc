// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/admin/command.h"

#include "unit/catch.h"

using namespace ipref::gw::admin;

TEST_CASE("what begins with an option, or is nothing, is the gateway itself", "[admin]") {
    CHECK_FALSE(run_command({}));
    CHECK_FALSE(run_command({"-gateway", "status"}));
}

TEST_CASE("a slip of the pen gets a hint, nonsense gets none", "[admin]") {
    CHECK(nearest("stauts") == "status");
    CHECK(nearest("mapping") == "mappings");
    CHECK(nearest("drop") == "drops");
    CHECK(nearest("pears") == "peers");
    CHECK(nearest("xyzzy").empty());
    CHECK(nearest(std::string(10'000, 's')).empty());
    CHECK(run_command({"stauts"}) == 2);
}

TEST_CASE("bad options of a command are a usage error", "[admin]") {
    CHECK(run_command({"status", "-nonsense"}) == 2);
    CHECK(run_command({"status", "word"}) == 2);
    CHECK(run_command({"mappings", "-ref", "x"}) == 2);
    CHECK(run_command({"mappings", "-gw", "x"}) == 2);
    CHECK(run_command({"status", "-mapper-socket", std::string(200, 'x')}) == 2);
}

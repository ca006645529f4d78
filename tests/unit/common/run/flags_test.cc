// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/flags.h"

#include "unit/catch.h"

using namespace ipref::run;

namespace {

struct Fixture {
    Fixture() {
        flags.text("gateway", "IP", gateway, "our address");
        flags.boolean("trace", trace, "log each packet");
        flags.number("gateway-port", port, 1, 65535, "UDP port");
    }
    std::string gateway;
    bool trace = false;
    uint32_t port = 1045;
    Flags flags{"ipref-gw", "[options]", "user-space gateway"};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "both syntaxes, one dash or two", "[flags]") {
    const auto got = flags.parse(
        {"-gateway", "192.0.2.1", "--gateway-port=7", "-trace", "rest", "-gateway", "not read"});
    REQUIRE(got);
    CHECK(gateway == "192.0.2.1");
    CHECK(port == 7);
    CHECK(trace);
    CHECK(got->rest == std::vector<std::string>{"rest", "-gateway", "not read"});
}

TEST_CASE_METHOD(Fixture, "booleans take no separate value", "[flags]") {
    trace = true;
    const auto got = flags.parse({"-trace=false", "--", "-trace"});
    REQUIRE(got);
    CHECK_FALSE(trace);
    CHECK(got->rest == std::vector<std::string>{"-trace"});
    CHECK(flags.parse({"-trace", "false"})->rest == std::vector<std::string>{"false"});
}

TEST_CASE_METHOD(Fixture, "wrong options say what is wrong", "[flags]") {
    CHECK(flags.parse({"-gatway", "x"}).error().text ==
          "unknown option -gatway; did you mean -gateway? ipref-gw -h lists them");
    CHECK(flags.parse({"--xyzzy=1"}).error().text ==
          "unknown option --xyzzy=1; ipref-gw -h lists them");
    CHECK_THAT(flags.parse({"-gateway"}).error().text,
               Catch::Matchers::StartsWith("option -gateway needs a value: -gateway "));
    CHECK(flags.parse({"-gateway-port", "70000"}).error().text ==
          "option -gateway-port: \"70000\" is not a number from 1 to 65535");
    CHECK(flags.parse({"-trace=maybe"}).error().text ==
          "option -trace: \"maybe\" is neither true nor false");
}

TEST_CASE_METHOD(Fixture, "help lists every option with its default", "[flags]") {
    CHECK(flags.parse({"-h"})->help);
    CHECK(flags.parse({"--help"})->help);
    CHECK(flags.usage().find("-gateway-port N\n        UDP port (default 1045)\n") !=
          std::string::npos);
}

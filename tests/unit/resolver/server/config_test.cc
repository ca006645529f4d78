// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/config.h"

#include <algorithm>

#include "resolver/explain.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

std::string refusal(std::string_view text) {
    const auto config = load_config(text, {});
    return config ? "" : config.error().text;
}

}  // namespace

TEST_CASE("The longest zone is chosen, and for DS the nearest one above the name", "[config]") {
    const auto config = load_config(
        ". {\n whoami\n}\norg {\n whoami\n}\nexample.org {\n whoami\n}\nsub.example.org {\n"
        " whoami\n}\nempty.example.org {\n}\n",
        {});
    REQUIRE(config);
    const auto& routes = (*config)->listeners.begin()->second;
    struct Row {
        const char* name;
        uint16_t type;
        const char* zone;
    };
    const Row rows[] = {
        {"a.sub.example.org", dns::rr::kA, "sub.example.org."},
        {"sub.example.org", dns::rr::kA, "sub.example.org."},
        {"xsub.example.org", dns::rr::kA, "example.org."},
        {"norg", dns::rr::kA, "."},
        {".", dns::rr::kA, "."},
        {"sub.example.org", dns::rr::kDs, "example.org."},
        {"a.sub.example.org", dns::rr::kDs, "sub.example.org."},
        {"example.org", dns::rr::kDs, "org."},
        {"org", dns::rr::kDs, "org."},
        {"com", dns::rr::kDs, "."},
        {".", dns::rr::kDs, "."},
        {"empty.example.org", dns::rr::kDs, "empty.example.org."},
    };
    for (const auto& row : rows) {
        INFO(row.name << " " << row.type);
        const auto* zone = routes.choose(*Name::parse(row.name), row.type);
        REQUIRE(zone != nullptr);
        CHECK(zone->name.str() == row.zone);
    }
    CHECK(std::ranges::is_sorted((*config)->zone_lines));
}

TEST_CASE("Without a block for the root, other names belong to nobody", "[config]") {
    const auto config = load_config("a.test {\n whoami\n}\n", {});
    REQUIRE(config);
    const auto& routes = (*config)->listeners.begin()->second;
    CHECK(routes.choose(*Name::parse("b.test"), dns::rr::kA) == nullptr);
    CHECK(routes.choose(*Name::parse("test"), dns::rr::kDs) == nullptr);
    CHECK(routes.choose(*Name::parse("a.test"), dns::rr::kDs) != nullptr);
}

TEST_CASE("Zones on addresses", "[config]") {
    const auto config =
        load_config("a.test b.test:54 {\n bind 127.0.0.1 ::1\n}\nc.test {\n}\n", {});
    REQUIRE(config);
    CHECK((*config)->zone_lines ==
          std::vector<std::string>{"a.test.:53 on 127.0.0.1", "a.test.:53 on ::1",
                                   "b.test.:54 on 127.0.0.1", "b.test.:54 on ::1", "c.test.:53"});
    CHECK((*config)->listeners.size() == 6);
    std::vector<std::string> servers;
    for (const auto& [address, routes] : (*config)->listeners) servers.push_back(routes.server);
    std::sort(servers.begin(), servers.end());
    CHECK(servers == std::vector<std::string>{"dns://127.0.0.1:53", "dns://127.0.0.1:54",
                                              "dns://:53", "dns://:53", "dns://[::1]:53",
                                              "dns://[::1]:54"});
    REQUIRE((*config)->warnings.size() == 2);
    CHECK((*config)->warnings[0] ==
          "Corefile:4:1 - no plugin answers for c.test: write ZONES {, "
          "then a plugin a line, then }");
    CHECK_THAT((*config)->warnings[1], Catch::Matchers::Contains("with and without bind"));
}

TEST_CASE("A plugin that stands where zones do is no plugin, and that is said", "[config]") {
    const auto config = load_config("forward . 192.0.2.1\n", {});
    REQUIRE(config);
    CHECK_THAT((*config)->warnings.at(0),
               Catch::Matchers::Contains("no plugin answers for forward, ., 192.0.2.1: "));
}

TEST_CASE("Who asks other servers for everybody is told so", "[config]") {
    const auto warning = [](const std::string& body) {
        const auto config = load_config("example.org {\n " + body + "\n}\n", {});
        if (!config) FAIL(config.error().text);
        const auto& all = (*config)->warnings;
        REQUIRE(all.size() <= 1);
        return all.empty() ? "" : all.front();
    };
    const std::string forward = "forward . 192.0.2.53";
    CHECK(warning(forward) ==
          "Corefile:1:1 - example.org.:53 asks other servers for whoever can reach it: say who may "
          "with plugin acl, or bind it to addresses of your network");
    for (const char* open : {"bind 192.0.2.1\n ", "bind 127.0.0.1 2001:db8::1\n ", "cache\n "}) {
        INFO(open);
        CHECK_FALSE(warning(open + forward).empty());
    }
    for (const char* near :
         {"bind 127.0.0.1 ::1\n ", "bind 192.168.1.1 fd00::1\n ", "acl {\n block\n }\n ",
          "view inside {\n expr incidr(client_ip(), '10.0.0.0/8')\n }\n "}) {
        INFO(near);
        CHECK(warning(near + forward).empty());
    }
    CHECK(warning("whoami").empty());
}

TEST_CASE("An empty Corefile is whoami and log on port 53", "[config]") {
    const auto config = load_config("# nothing\n", {});
    REQUIRE(config);
    CHECK((*config)->zone_lines == std::vector<std::string>{".:53"});
    CHECK((*config)->blocks[0]->chain.size() == 2);
}

TEST_CASE("With lenient, plugins that are not built in are left out with a warning", "[config]") {
    const std::string text = ". {\n whoami\n kubernetes cluster.local {\n  pods verified\n }\n}\n";
    CHECK_FALSE(load_config(text, {}));
    ConfigOptions options;
    options.lenient = true;
    const auto config = load_config(text, options);
    REQUIRE(config);
    CHECK((*config)->blocks[0]->chain.size() == 1);
    REQUIRE((*config)->warnings.size() == 1);
    CHECK((*config)->warnings[0] ==
          "Corefile:3:2 - plugin 'kubernetes' is known to CoreDNS but not built into this server: "
          "it needs a service that this server does not talk to; left out (-lenient)");
    CHECK_FALSE(load_config(". {\n kubernete\n}\n", options));
}

TEST_CASE("Bad configurations say what, where and what to do", "[config]") {
    using Catch::Matchers::Contains;
    CHECK(refusal(". {\n forwad . 1.1.1.1\n}\n") ==
          "Corefile:2:2 - Error during parsing: Unknown directive 'forwad', is it 'forward'?");
    CHECK(refusal(". {\n whoami{\n }\n}\n") ==
          "Corefile:2:2 - Error during parsing: Unknown directive 'whoami{': put a blank before "
          "the brace");
    CHECK_THAT(refusal(". {\n proxy . 192.0.2.1\n}\n"),
               Contains("Unknown directive 'proxy': CoreDNS has replaced it by 'forward'"));
    for (const auto* newer : {"proxyproto", "quic", "grpc_server", "https", "https3", "nomad"}) {
        CHECK_THAT(refusal(fmt::format(". {{\n {}\n}}\n", newer)),
                   Contains(fmt::format("plugin '{}' is known to CoreDNS", newer)));
    }
    CHECK_THAT(refusal(". {\n kubernetes\n}\n"),
               Contains("Corefile:2:2 - plugin 'kubernetes' is known to CoreDNS but not built in"));
    CHECK_THAT(refusal("quic://. {\n whoami\n}\n"), Contains("quic:// listeners are not built in"));
    CHECK_THAT(refusal("a.test {\n}\nA.test {\n}\n"),
               Contains("Corefile:3:1 - cannot serve dns://a.test.:53 - it is already defined"));
    CHECK_THAT(refusal("a.test {\n bind 127.0.0.1\n}\na.test {\n}\n"), Contains("zone overlap"));
    CHECK(refusal(". {\n whoami x\n}\n") ==
          "plugin/whoami: Corefile:2:9 - Error during parsing: Wrong argument count or unexpected "
          "line ending after 'x'");
    CHECK_THAT(
        refusal(". {\n bind no-such-interface0\n}\n"),
        Contains("Corefile:2:2 - Error during parsing: not a valid IP address or interface"));
    CHECK_THAT(refusal(". {\n bind 127.0.0.1 {\n  except 127.0.0.1\n }\n}\n"),
               Contains("no address is left"));
    CHECK_THAT(refusal(". {\n errors\n errors\n}\n"), Contains("can only be used once"));
    CHECK_THAT(refusal(". {\n errors {\n  consolidate 5m \"(x\"\n }\n}\n"),
               Contains("Corefile:3:18"));
    CHECK_THAT(refusal(". {\n errors {\n  consolidate 5m x shout\n }\n}\n"),
               Contains("unknown log level"));
    CHECK_THAT(refusal(". {\n log {\n  class nothing\n }\n}\n"),
               Contains("invalid class: nothing"));
    CHECK_THAT(refusal(". {\n transfer {\n }\n}\n"), Contains("'to' is required"));
    CHECK_THAT(refusal(". {\n transfer {\n  to ns.test\n }\n}\n"),
               Contains("must specify an IP address: `ns.test'"));
    CHECK_THAT(refusal(". {\n file\n}\n"), Contains("after 'file'"));
}

TEST_CASE("-explain names the block and its plugins in order", "[config]") {
    const auto config = load_config("a.test {\n whoami\n log\n errors\n bind 127.0.0.1\n}\n", {});
    REQUIRE(config);
    CHECK(explain_query(**config, "x.A.test", "AAAA").value() ==
          "x.A.test. AAAA asked of dns://127.0.0.1:53\n"
          "  server block of a.test. (Corefile:1:1)\n"
          "  1. errors\n  2. log\n  3. whoami\n  if none of them answers: SERVFAIL\n");
    CHECK_THAT(explain_query(**config, "b.test", "A").value(),
               Catch::Matchers::Contains("no server block: REFUSED"));
    CHECK_FALSE(explain_query(**config, "b..test", "A"));
    CHECK_FALSE(explain_query(**config, "b.test", "NOTYPE"));
}

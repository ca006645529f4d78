// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/source.h"

#include "unit/catch.h"

using namespace ipref::agent;

namespace {

std::string refused(const std::string& text) {
    const auto source = parse_source(text);
    return source ? "accepted" : source.error().text;
}

std::vector<std::string> servers_of(const std::string& text) {
    std::vector<std::string> out;
    const auto source = parse_source(text).value();
    for (const auto& server : source.servers) out.push_back(server.str());
    return out;
}

}  // namespace

TEST_CASE("sources", "[source]") {
    const auto source = parse_source("Internal:Example.COM.:192.0.2.1").value();
    CHECK(source.local.str() == "Internal.");
    CHECK(source.str() == "internal:example.com");
    CHECK(source.id().local_domain == "internal");
    CHECK(source.id().public_domain == "example.com");
    using Texts = std::vector<std::string>;
    CHECK(servers_of("a.b:c:192.0.2.1") == Texts{"192.0.2.1:53"});
    CHECK(servers_of("a:c:192.0.2.1:5353,192.0.2.2") == Texts{"192.0.2.1:5353", "192.0.2.2:53"});
    CHECK(servers_of("a:c:[2001:db8::53]:54,[::1]") == Texts{"[2001:db8::53]:54", "[::1]:53"});
    CHECK(servers_of("a:c:ns1.example.com,NS2.Example.com.:54") ==
          Texts{"ns1.example.com:53", "ns2.example.com:54"});
}

TEST_CASE("what is no source gets its own message", "[source]") {
    const std::string syntax = "; write LOCAL:PUBLIC:SERVER[:PORT][/query][,...]";
    CHECK(refused("") == "source \"\": there is no \":\" behind LOCAL" + syntax);
    CHECK(refused("a") == "source \"a\": there is no \":\" behind LOCAL" + syntax);
    CHECK(refused("a:b") == "source \"a:b\": there is no \":\" behind PUBLIC" + syntax);
    CHECK(refused(":b:c") == "source \":b:c\": the LOCAL domain is empty" + syntax);
    CHECK(refused("a::c") == "source \"a::c\": the PUBLIC domain is empty" + syntax);
    CHECK(refused("a:.:c") == "source \"a:.:c\": the PUBLIC domain cannot be the root");
    CHECK(refused("a:b:") == "source \"a:b:\": a server is empty" + syntax);
    CHECK(refused("a:b:c,") == "source \"a:b:c,\": a server is empty" + syntax);
    CHECK(refused("a:b:192.0.2.1:0") ==
          "source \"a:b:192.0.2.1:0\": server \"192.0.2.1:0\": port 0");
    CHECK(refused("a:b:192.0.2.1:99999").find("99999") != std::string::npos);
    CHECK(refused("a:b:2001:db8::53").find("IPv6 is written [2001:db8::53]:53") !=
          std::string::npos);
    CHECK(refused("a:b:[2001:db8::53").find("IPv6 is written") != std::string::npos);
    CHECK(refused("a:b:192.0.2.1,192.0.2.1:53") ==
          "source \"a:b:192.0.2.1,192.0.2.1:53\": server 192.0.2.1:53 stands there twice");
    CHECK(refused("a:b:192.0.2.1/axfr") ==
          "source \"a:b:192.0.2.1/axfr\": server \"192.0.2.1/axfr\": only /query may follow a "
          "server, or nothing");
    CHECK(refused("a:b:/query") == "source \"a:b:/query\": a server is empty" + syntax);
    CHECK(refused("a:b:192.0.2.1,192.0.2.1/query").find("stands there twice") != std::string::npos);
    CHECK(refused("a..b:c:d").find("LOCAL domain \"a..b\"") != std::string::npos);
}

TEST_CASE("servers that are asked by queries", "[source]") {
    const auto source =
        parse_source("a:b:192.0.2.1/query,[2001:db8::1]:54/query,ns.example/query,192.0.2.2")
            .value();
    std::vector<std::string> texts;
    for (const auto& one : source.servers) texts.push_back(one.str());
    CHECK(texts == std::vector<std::string>{"192.0.2.1:53/query", "[2001:db8::1]:54/query",
                                            "ns.example:53/query", "192.0.2.2:53"});
    CHECK(source.servers[2].host == "ns.example");
    CHECK(source.servers[2].by_query);
    CHECK_FALSE(source.servers[3].by_query);
}

TEST_CASE("names are plain", "[source]") {
    for (const char* text :
         {"a\\:b:c", "a b:c:d", "a:):b", "a:b\xc3\xa4:c", "a:b:\\[", "a\\058:b:c"}) {
        CHECK(refused(text).find("a name has letters, digits and -_./*+=~ only") !=
              std::string::npos);
    }
}

TEST_CASE("a source must not stand there twice, nor have too many servers", "[source]") {
    CHECK(parse_sources({"a:b:192.0.2.1", "a:c:192.0.2.1"}).value().size() == 2);
    CHECK(parse_sources({"a:b:192.0.2.1", "A:b.:192.0.2.2"}).error().text ==
          "source \"A:b.:192.0.2.2\": a:b stands there twice; list its servers behind one, "
          "separated by commas");
    std::string text = "a:b:192.0.2.0";
    for (int i = 1; i <= 32; i++) text += ",192.0.2." + std::to_string(i);
    CHECK(refused(text).find("more than 32 servers") != std::string::npos);
}

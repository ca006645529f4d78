// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/match.h"

#include "unit/catch.h"

using namespace ipref;
using namespace ipref::agent;

namespace {

const dns::Name kLocal = dns::Name::parse("internal").value();

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

Zone zone(std::vector<Entry> entries) {
    Zone out;
    out.entries = std::move(entries);
    return out;
}

Found at(std::vector<const char*> addresses) {
    Found found;
    for (const char* one : addresses) found.ips.push_back(ip(one));
    return found;
}

std::vector<std::string> texts(const Matched& matched) {
    std::vector<std::string> out;
    for (const auto& host : matched.hosts) out.push_back(host.ip.str() + " = " + host.ipref.str());
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("local names", "[match]") {
    CHECK(local_name("web.example.com.", kLocal) == "web.internal.");
    CHECK(local_name("a.b.example.com.", kLocal) == "a.internal.");
    CHECK(local_name("WEB.example.com.", kLocal) == "web.internal.");
    CHECK(local_name("a\\.b.example.com.", kLocal) == "a\\.b.internal.");
    CHECK_FALSE(local_name(".", kLocal));
    std::string deep = "internal";
    while (deep.size() < 200) deep = std::string(50, 'x') + "." + deep;
    CHECK_FALSE(local_name(std::string(60, 'y') + ".example.com.", dns::Name::parse(deep).value()));
}

TEST_CASE("names are looked up once each; addresses not at all", "[match]") {
    const auto wanted = wanted_names(zone({{"a.example.com.", "gw.example.com.", {0, 1}},
                                           {"a.example.com.", "203.0.113.1", {0, 2}},
                                           {"b.example.com.", "gw.example.com.", {0, 3}}}),
                                     kLocal);
    CHECK(wanted.hosts == Texts{"a.internal.", "b.internal."});
    CHECK(wanted.gateways == Texts{"gw.example.com."});
}

TEST_CASE("records become hosts, in the order of the hash", "[match]") {
    LookUps found;
    found.hosts["a.internal."] = at({"10.0.0.9", "10.0.0.2"});
    found.hosts["b.internal."] = at({"10.0.0.3"});
    found.gateways["gw.example.com."] = at({"203.0.113.9", "203.0.113.8"});
    const auto matched = match(zone({{"a.example.com.", "gw.example.com.", {0, 5}},
                                     {"b.example.com.", "203.0.113.1", {0, 4}}}),
                               kLocal, {}, found);
    CHECK(matched.warnings.empty());
    CHECK(texts(matched) == Texts{"10.0.0.3 = 203.0.113.1 + 4", "10.0.0.2 = 203.0.113.8 + 5",
                                  "10.0.0.2 = 203.0.113.9 + 5"});
}

TEST_CASE("records that cannot be published are named, the others go on", "[match]") {
    LookUps found;
    found.hosts["a.internal."] = at({"10.0.0.1"});
    found.hosts["b.internal."] = at({"10.0.0.2"});
    found.hosts["gone.internal."] = {{}, "does not exist"};
    found.gateways["nogw.example.com."] = {{}, "has no A record"};
    const auto matched = match(zone({{"a.example.com.", "2001:db8::1", {0, 1}},
                                     {"a.example.com.", "203.0.113.1", {0, 2}},
                                     {"a.example.com.", "nogw.example.com.", {0, 3}},
                                     {"b.example.com.", "203.0.113.1", {0, 2}},
                                     {"gone.example.com.", "203.0.113.1", {0, 4}}}),
                               kLocal, {}, found);
    CHECK(texts(matched) == Texts{"10.0.0.1 = 203.0.113.1 + 2"});
    CHECK(matched.warnings ==
          Texts{"a.example.com. AA 2001:db8::1 + 1 is not published: its gateway is no IPv4 "
                "address",
                "a.example.com. AA nogw.example.com. + 3 is not published: gateway "
                "nogw.example.com. has no A record",
                "b.example.com. AA 203.0.113.1 + 2 is not published: 203.0.113.1 + 2 is already "
                "that of a.example.com.",
                "gone.example.com. AA 203.0.113.1 + 4 is not published: gone.internal. does not "
                "exist"});
}

TEST_CASE("two names of one host may share its IPREF address", "[match]") {
    LookUps found;
    found.hosts["a.internal."] = at({"10.0.0.1"});
    found.hosts["b.internal."] = at({"10.0.0.1"});
    const auto matched = match(zone({{"a.example.com.", "203.0.113.1", {0, 2}},
                                     {"b.example.com.", "203.0.113.1", {0, 2}}}),
                               kLocal, {}, found);
    CHECK(matched.warnings.empty());
    CHECK(matched.hosts.size() == 1);
}

TEST_CASE("IPv6 gateways when they are wanted", "[match]") {
    LookUps found;
    found.hosts["a.internal."] = at({"2001:db8::a"});
    const auto matched = match(zone({{"a.example.com.", "2001:db8::1", {0, 1}},
                                     {"a.example.com.", "203.0.113.1", {0, 2}}}),
                               kLocal, {.ea = net::Family::v6, .gw = net::Family::v6}, found);
    CHECK(texts(matched) == Texts{"2001:db8::a = 2001:db8::1 + 1"});
    CHECK(matched.warnings.size() == 1);
}

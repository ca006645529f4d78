// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/local_zone.h"

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using net::Family;

namespace {

using Texts = std::vector<std::string>;

/// The zone "internal" with these records, "NAME TTL CLASS TYPE DATA".
LocalZone zone(const Texts& records) {
    LocalZone made(dns_name("internal"));
    const auto message = reply_to(query_for("internal", dns::rr::kAxfr), 0, records);
    dns::MessageReader reader(message);
    while (const auto view = reader.record()) REQUIRE(made.add(reader, *view));
    return made;
}

/// "10.0.0.1 10.0.0.2", why there is none, or "?" if the zone does not know.
std::string found(const LocalZone& in, const std::string& name, Family family = Family::v4) {
    const auto result = in.find(dns_name(name), family);
    if (!result) return "?";
    std::string text = result->why;
    for (const auto& ip : result->ips) text += (text.empty() ? "" : " ") + ip.str();
    return text;
}

}  // namespace

TEST_CASE("addresses of both families", "[local_zone]") {
    const auto made = zone({"web.internal. 60 IN A 10.0.0.1", "WEB.internal. 60 IN A 10.0.0.2",
                            "web.internal. 60 IN AAAA fd00::1", "six.internal. 60 IN AAAA fd00::6",
                            "text.internal. 60 IN TXT \"x\""});
    CHECK(found(made, "web.internal") == "10.0.0.1 10.0.0.2");
    CHECK(found(made, "Web.Internal") == "10.0.0.1 10.0.0.2");
    CHECK(found(made, "web.internal", Family::v6) == "fd00::1");
    CHECK(found(made, "six.internal") == "has no A record");
    CHECK(found(made, "nobody.internal") == "does not exist");
}

TEST_CASE("CNAMEs are followed inside of the zone", "[local_zone]") {
    const auto made =
        zone({"a.internal. 60 IN CNAME b.internal.", "b.internal. 60 IN CNAME c.internal.",
              "c.internal. 60 IN A 10.0.0.3", "out.internal. 60 IN CNAME www.example.",
              "lost.internal. 60 IN CNAME nobody.internal.",
              "loop.internal. 60 IN CNAME loop.internal."});
    CHECK(found(made, "a.internal") == "10.0.0.3");
    CHECK(found(made, "out.internal") == "?");
    CHECK(found(made, "lost.internal") == "does not exist");
    CHECK(found(made, "loop.internal") == "leads to more than 16 CNAMEs");
}

TEST_CASE("what the zone does not hold itself is not known", "[local_zone]") {
    const auto made =
        zone({"internal. 60 IN NS ns.internal.", "web.internal. 60 IN A 10.0.0.1",
              "sub.internal. 60 IN NS ns.sub.internal.", "ns.sub.internal. 60 IN A 10.0.0.9"});
    CHECK(found(made, "web.internal") == "10.0.0.1");
    CHECK(found(made, "sub.internal") == "?");
    CHECK(found(made, "ns.sub.internal") == "?");
    CHECK(found(made, "web.example") == "?");
    for (const char* maker :
         {"*.internal. 60 IN A 10.0.0.5", "x.internal. 60 IN DNAME y.internal."}) {
        const auto wild = zone({"web.internal. 60 IN A 10.0.0.1", maker});
        CHECK(found(wild, "web.internal") == "10.0.0.1");
        CHECK(found(wild, "other.internal") == "?");
    }
}

TEST_CASE("its names, under another zone", "[local_zone]") {
    const auto made =
        zone({"internal. 60 IN A 10.0.0.1", "web.internal. 60 IN A 10.0.0.1",
              "db.internal. 60 IN CNAME web.internal.", "a.b.internal. 60 IN A 10.0.0.2",
              "*.internal. 60 IN A 10.0.0.3", "text.internal. 60 IN TXT \"x\""});
    Texts names;
    for (const auto& one : made.names_under(dns_name("example.com"))) names.push_back(one.str());
    CHECK(names == Texts{"db.example.com.", "web.example.com."});
    const auto label = std::string(63, 'x');
    const auto longest = dns_name(label + "." + label + "." + label + "." + std::string(58, 'y'));
    CHECK(made.names_under(longest).size() == 1);  // "db" fits, "web" does not
}

TEST_CASE("malformed records end the transfer", "[local_zone]") {
    LocalZone made(dns_name("internal"));
    auto record = a_record("web.internal", net::Ip::v4(1));
    record.rdata.pop_back();
    const auto bytes = AxfrMessage{.records = {record}}.bytes();
    dns::MessageReader reader(dns::Bytes(bytes).subspan(2));
    CHECK(made.add(reader, *reader.record()).error() == "malformed address of web.internal.");
}

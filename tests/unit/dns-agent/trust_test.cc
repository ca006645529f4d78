// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/trust.h"

#include "common/dns/ldns.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/common/dns/signed_records.h"
#include "unit/dns-agent/dns_messages.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;

namespace {

using Lines = std::vector<std::string>;

/// A resolver that knows com, and what it was asked.
struct Setup {
    run::Loop loop;
    Lines ds = kExampleDs;
    Lines asked;
    ScriptedDns server{
        loop, [this](const Asked& query) -> std::vector<Message> {
            const auto& question = query.question;
            asked.push_back(question.name.str() + " " + dns::type_text(question.type));
            if (question.type == dns::rr::kDnskey) {
                return {reply_to(query.wire, 0, kComKeys)};
            }
            const bool known = question.name == dns_name("example.com");
            return {reply_to(query.wire, 0, known ? ds : Lines{})};
        }};

    /// How many anchors there are for the zone, or why none.
    std::string get(const std::string& zone, const std::string& anchor = kComAnchor) {
        Trust trust(loop, {server.at()}, {dns::parse_record(anchor).value()});
        std::string out;
        trust.get(dns_name(zone), [&](const Trust::Outcome& outcome) {
            out = outcome ? std::to_string((*outcome)->size()) : outcome.error();
        });
        CHECK(out.empty());
        run_until(loop, [&] { return !out.empty(); });
        return out;
    }
};

}  // namespace

TEST_CASE("delegations are followed from the anchor down", "[trust]") {
    Setup s;
    CHECK(s.get("example.com") == "1");
    CHECK(s.asked == Lines{"com. DNSKEY", "example.com. DS"});
}

TEST_CASE("a zone's own anchor needs nobody asked", "[trust]") {
    Setup s;
    CHECK(s.get("com") == "1");
    CHECK(s.asked.empty());
    CHECK(s.get("example.org") == "there is no trust anchor above example.org.");
}

TEST_CASE("delegations that cannot be trusted are told apart", "[trust]") {
    Setup s;
    CHECK(s.get("other.com") ==
          "other.com. has no DS record in com.: it is not signed, or its keys are not known there");
    s.ds.resize(1);  // without its signature
    CHECK(s.get("example.com") == "the DS records of example.com. are not signed");
    CHECK(s.get("example.com", "com. IN DS 1 13 2 " + std::string(64, 'A')) ==
          "none of the keys of com. is trusted");
    s.server.script([](const Asked& query) -> std::vector<Message> {
        return {reply_to(query.wire, dns::rcode::kServFail, {})};
    });
    CHECK(s.get("example.com") == "com. DNSKEY: SERVFAIL");
}

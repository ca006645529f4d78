// SPDX-License-Identifier: GPL-2.0-or-later
// A zone that is asked for name by name, on loopback.
#include "dns-agent/query_fetch.h"

#include <ctime>
#include <map>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/dns-agent/dns_messages.h"
#include "unit/dns-agent/signed_names.h"

using namespace ipref;
using namespace ipref::agent;
using namespace ipref::test;
using run::Milliseconds;

namespace {

using Texts = std::vector<std::string>;

/// A server of example.com, and what an agent remembers of it.
struct Setup {
    run::Loop loop;
    uint32_t serial = 7;
    std::map<std::string, Texts> records;    ///< "web.example.com. 300 IN TXT ..." by their owner
    std::map<std::string, uint16_t> rcodes;  ///< names that get this and nothing else
    std::map<std::string, int> silences;     ///< answers that names do not get over UDP
    Texts names = {"web", "mail"};
    std::shared_ptr<QueryCache> cache = std::make_shared<QueryCache>();
    std::shared_ptr<const Zone> have;
    Milliseconds longest{3'600'000};
    Milliseconds timeout{10'000};
    ScriptedDns server{loop, [this](const Asked& asked) { return reply(asked); }};

    std::shared_ptr<const dns::TrustAnchors> anchors;  ///< then the zone is kSignedNames
    Texts zone = kSignedNames;
    const dns::TsigKey* key = nullptr;

    /// The records of an owner and type, with their signatures.
    Texts signed_set(const std::string& owner, const std::string& type) const {
        Texts out;
        for (const auto& line : zone) {
            const auto is = [&](const std::string& what) {
                return line.starts_with(fmt::format("{} 300 IN {} ", owner, what));
            };
            if (is(type) || is("RRSIG " + type)) out.push_back(line);
        }
        return out;
    }
    Texts every(const std::string& type) const {
        Texts out;
        for (const auto* owner : {"example.com.", "alias.example.com.", "mail.example.com.",
                                  "out.example.com.", "web.example.com."}) {
            const auto set = signed_set(owner, type);
            out.insert(out.end(), set.begin(), set.end());
        }
        return out;
    }
    Message signed_reply(const Asked& asked) const {
        const auto name = asked.question.name.lower().str();
        const auto type = dns::type_text(asked.question.type);
        auto answer = signed_set(name, type);
        if (const auto alias = signed_set(name, "CNAME"); !alias.empty()) {
            answer = signed_set("web.example.com.", type);
            answer.insert(answer.begin(), alias.begin(), alias.end());
        }
        if (!answer.empty()) return reply_to(asked.wire, 0, answer);
        return reply_to(asked.wire, dns::rcode::kNxDomain, {}, every("NSEC"));
    }

    std::vector<Message> reply(const Asked& asked) {
        const auto name = asked.question.name.lower().str();
        if (!asked.tcp && silences[name]-- > 0) return {};
        if (rcodes.count(name) != 0) return {reply_to(asked.wire, rcodes[name], {})};
        if (anchors) return {signed_reply(asked)};
        const auto soa = fmt::format("example.com. 900 IN SOA ns. m. {} 1 1 1 600", serial);
        if (asked.question.type == dns::rr::kSoa) return {reply_to(asked.wire, 0, {soa})};
        const auto found = records.find(name);
        if (found == records.end()) {
            return {reply_to(asked.wire, dns::rcode::kNxDomain, {}, {soa})};
        }
        return {reply_to(asked.wire, 0, found->second)};
    }
    void publish(const std::string& name, const std::string& text, int ttl = 300) {
        const auto owner = name + ".example.com.";
        records[owner].push_back(fmt::format("{} {} IN TXT \"{}\"", owner, ttl, text));
    }
    FetchResult fetch(std::optional<net::Endpoint> from = std::nullopt) {
        QueryFetch::Target target;
        target.server = from.value_or(server.at());
        target.zone = dns_name("example.com");
        for (const auto& one : names) target.names.push_back(dns_name(one + ".example.com"));
        target.have = have;
        target.cache = cache;
        target.longest = longest;
        target.timeout = timeout;
        target.anchors = anchors;
        target.key = key;
        FetchResult out = tl::unexpected(TransferError{});
        bool done = false;
        const QueryFetch one(loop, std::move(target), [&](FetchResult result) {
            out = std::move(result);
            done = true;
        });
        CHECK_FALSE(done);
        run_until(loop, [&] { return done; });
        CHECK(one.finished());
        if (out) have = out->zone;
        return out;
    }
    /// The names that were asked for TXT since the last call, sorted.
    Texts asked() {
        Texts out;
        for (; seen_ < server.asked().size(); seen_++) {
            const auto& question = server.asked()[seen_].question;
            if (question.type == dns::rr::kTxt) out.push_back(question.name.str());
        }
        std::sort(out.begin(), out.end());
        return out;
    }
    /// As if the TTLs of all answers had passed.
    void expire() {
        for (auto& [name, known] : cache->names) known.until = Milliseconds(0);
    }

  private:
    size_t seen_ = 0;
};

Texts owners(const FetchResult& fetched) {
    Texts out;
    REQUIRE(fetched);
    for (const auto& one : fetched->zone->entries) out.push_back(one.owner);
    return out;
}

const Texts kBoth = {"*.example.com.", "mail.example.com.", "web.example.com."};

}  // namespace

TEST_CASE("names are asked one by one, the wildcard beside them too", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.publish("web", "v=spf1");
    const auto fetched = s.fetch();
    CHECK(owners(fetched) == Texts{"web.example.com."});
    CHECK(fetched->how == Fetched::How::queries);
    CHECK(fetched->zone->serial == 7);
    CHECK(fetched->zone->records.size() == 1);
    CHECK(s.asked() == kBoth);
}

TEST_CASE("answers and denials are kept for their TTL", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025", 1200);
    const auto first = s.fetch();
    CHECK(s.asked() == kBoth);
    CHECK(*first->again > Milliseconds(590'000));  // the denials' 600 s
    CHECK(*first->again <= Milliseconds(600'000));
    const auto second = s.fetch();
    CHECK(second->how == Fetched::How::unchanged);
    CHECK(second->zone == first->zone);
    CHECK(s.asked() == Texts{});
    // One more name: nothing else is asked for.
    s.names.push_back("new");
    s.publish("new", "AA 203.0.113.1 + 1026");
    CHECK(owners(s.fetch()) == Texts{"new.example.com.", "web.example.com."});
    CHECK(s.asked() == Texts{"new.example.com."});
    s.expire();
    const auto again = s.fetch();
    CHECK(again->how == Fetched::How::queries);
    CHECK(again->zone->entries.size() == 2);
    CHECK(s.asked().size() == 4);
}

TEST_CASE("TTLs are kept within what is sensible", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025", 0);
    s.publish("mail", "AA 203.0.113.1 + 1026", 86400);
    CHECK(*s.fetch()->again == QueryFetch::shortest(2));
    CHECK(QueryFetch::shortest(2) == Milliseconds(10'000));
    CHECK(QueryFetch::shortest(100'000) == Milliseconds(1'000'000));
    s.expire();
    s.names = {"mail"};
    s.longest = Milliseconds(60'000);
    const auto again = *s.fetch()->again;
    CHECK(again > Milliseconds(30'000));
    CHECK(again <= Milliseconds(60'000));
}

TEST_CASE("a new serial makes all answers old", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.fetch();
    s.asked();
    s.serial = 8;
    s.publish("mail", "AA 203.0.113.1 + 1026");
    const auto fetched = s.fetch();
    CHECK(owners(fetched) == Texts{"mail.example.com.", "web.example.com."});
    CHECK(fetched->zone->serial == 8);
    CHECK(s.asked() == kBoth);
}

TEST_CASE("names that are gone are forgotten", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.fetch();
    s.names = {"mail"};
    CHECK(owners(s.fetch()) == Texts{});
    CHECK(s.cache->names.size() == 2);  // mail and the wildcard
    s.names = {};
    const auto none = s.fetch();
    CHECK_FALSE(none->again);
    CHECK(s.cache->names.empty());
}

TEST_CASE("what only a wildcard gives is not published", "[query_fetch]") {
    Setup s;
    for (const char* name : {"*", "web"}) s.publish(name, "AA 203.0.113.1 + 1025");
    s.records["web.example.com."] = {"web.example.com. 300 IN TXT \"AA 203.0.113.1 + 1025\""};
    s.publish("mail", "AA 203.0.113.1 + 1026");
    const auto fetched = s.fetch();
    CHECK(owners(fetched) == Texts{"mail.example.com."});
    REQUIRE(fetched->zone->warnings.size() == 1);
    CHECK(fetched->zone->warnings[0].find("*.example.com.: a wildcard publishes no host") == 0);
}

TEST_CASE("CNAMEs are followed", "[query_fetch]") {
    Setup s;
    s.records["web.example.com."] = {"web.example.com. 300 IN CNAME other.example.net.",
                                     "other.example.net. 30 IN TXT \"AA 203.0.113.1 + 1025\""};
    const auto fetched = s.fetch();
    CHECK(owners(fetched) == Texts{"web.example.com."});
    CHECK(*fetched->again <= Milliseconds(30'000));
}

TEST_CASE("an alias that leads out of the zone and to nothing is told", "[query_fetch]") {
    Setup s;
    s.records["web.example.com."] = {"web.example.com. 300 IN CNAME other.example.net."};
    s.publish("mail", "AA 203.0.113.1 + 1026");
    const auto fetched = s.fetch();
    CHECK(owners(fetched) == Texts{"mail.example.com."});
    CHECK(fetched->zone->warnings ==
          Texts{"web.example.com.: its alias (CNAME) leads out of example.com. and finds no TXT "
                "record: give it TXT records of its own"});
    s.expire();
    CHECK(s.fetch()->zone == fetched->zone);  // told once
    s.expire();
    s.records.erase("web.example.com.");
    CHECK(s.fetch()->zone->warnings.empty());
}

TEST_CASE("with a key, questions are signed, and answers must be", "[query_fetch][tsig]") {
    const dns::TsigKey key{dns_name("key."), dns::TsigAlgorithm::sha256,
                           std::vector<uint8_t>(32, 1)};
    const dns::TsigKey other{key.name, key.algorithm, std::vector<uint8_t>(32, 2)};
    const auto now = [] { return static_cast<uint64_t>(std::time(nullptr)); };
    Setup s;
    s.key = &key;
    s.names = {"web"};
    s.publish("web", "AA 203.0.113.1 + 1025");
    const auto sign = [&](const Asked& asked, const dns::TsigKey& with) {
        dns::TsigSession session(with);
        const auto fine = session.verify(asked.wire, now());
        CHECK(fine.has_value() == (&with == &key));
        return std::vector<Message>{session.sign(s.reply(asked).front(), now())};
    };
    s.server.script([&](const Asked& asked) { return sign(asked, key); });
    CHECK(owners(s.fetch()) == Texts{"web.example.com."});
    // Over UDP anybody may answer without a signature, or with a wrong one: asked again over TCP.
    s.expire();
    s.server.script(
        [&](const Asked& asked) { return asked.tcp ? sign(asked, key) : s.reply(asked); });
    CHECK(owners(s.fetch()) == Texts{"web.example.com."});
    s.server.script([&](const Asked& asked) { return s.reply(asked); });
    CHECK(s.fetch().error().text == "its answer: it is not signed");
    s.server.script([&](const Asked& asked) { return sign(asked, other); });
    CHECK(s.fetch().error().text == "its answer: its signature is wrong");
}

TEST_CASE("lost packets and limited answers do no harm", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.timeout = Milliseconds(300);
    s.silences["web.example.com."] = 1;
    s.silences["mail.example.com."] = 100;  // answers over TCP only
    CHECK(owners(s.fetch()) == Texts{"web.example.com."});
}

TEST_CASE("answers that are cut are asked for over TCP", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.server.script([&](const Asked& asked) -> std::vector<Message> {
        if (!asked.tcp) return {reply_to(asked.wire, dns::flag::kTc, {})};
        return s.reply(asked);
    });
    CHECK(owners(s.fetch()) == Texts{"web.example.com."});
}

TEST_CASE("a name without an answer keeps the one of before", "[query_fetch]") {
    Setup s;
    s.publish("web", "AA 203.0.113.1 + 1025");
    s.publish("mail", "AA 203.0.113.1 + 1026");
    s.rcodes["mail.example.com."] = dns::rcode::kServFail;
    const auto failed = s.fetch();
    REQUIRE_FALSE(failed);
    CHECK_FALSE(failed.error().gone);
    CHECK(failed.error().text ==
          "1 of 3 names have no answer, the first: mail.example.com. TXT: SERVFAIL");
    s.rcodes.clear();
    s.asked();
    CHECK(owners(s.fetch()).size() == 2);
    CHECK(s.asked() == Texts{"mail.example.com."});  // the others were answered
    s.expire();
    s.rcodes["mail.example.com."] = dns::rcode::kServFail;
    const auto kept = s.fetch();
    CHECK(owners(kept).size() == 2);
    CHECK(kept->unanswered == 1);
    CHECK(kept->note ==
          "1 name without an answer, what was known is kept; the first: mail.example.com. TXT: "
          "SERVFAIL");
    CHECK(*kept->again == QueryFetch::shortest(2));
}

TEST_CASE("a server that answers nobody is given up early", "[query_fetch]") {
    Setup s;
    s.names.clear();
    for (int i = 0; i < 500; i++) {
        s.names.push_back("h" + std::to_string(i));
        s.rcodes[s.names.back() + ".example.com."] = dns::rcode::kRefused;
    }
    const auto failed = s.fetch();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().text.find("of 501 names have no answer, the first: ") !=
          std::string::npos);
    CHECK(s.asked().size() < 100);
}

TEST_CASE("the zone is gone when the server says so", "[query_fetch]") {
    Setup s;
    s.rcodes["example.com."] = dns::rcode::kNxDomain;
    CHECK(s.fetch().error().gone);
    s.rcodes["example.com."] = dns::rcode::kNotAuth;
    CHECK(s.fetch().error().gone);
    s.rcodes["example.com."] = dns::rcode::kRefused;
    CHECK(s.fetch().error().text == "its answer to SOA: REFUSED");
    s.rcodes["example.com."] = dns::rcode::kNoError;
    CHECK(s.fetch().error().text == "it gives no SOA of the zone");
    CHECK_FALSE(s.fetch().error().gone);
    CHECK(s.asked() == Texts{});
    s.timeout = Milliseconds(1);
    const auto silent = s.fetch(nobody());
    CHECK_FALSE(silent.error().answered);  // another of its addresses may do
}

TEST_CASE("many names, a bounded number at a time", "[query_fetch]") {
    Setup s;
    s.names.clear();
    for (int i = 0; i < 1000; i++) {
        s.names.push_back("h" + std::to_string(i));
        s.publish(s.names.back(), fmt::format("AA 203.0.113.1 + {}", 1000 + i));
    }
    CHECK(owners(s.fetch()).size() == 1000);
    CHECK(s.asked().size() == 1001);
}

namespace {

constexpr int64_t kSignedUntil = 3'471'292'800;  // 2080-01-01

struct SignedSetup : Setup {
    SignedSetup() {
        trust(kNamesAnchor);
        names = {"web", "mail", "ghost", "alias", "out"};
    }
    void trust(const std::string& anchor) {
        anchors = std::make_shared<const dns::TrustAnchors>(
            dns::TrustAnchors{dns::parse_record(anchor).value()});
    }
    /// Takes lines that begin so out of the zone.
    void lose(const std::string& begin) {
        std::erase_if(zone, [&](const std::string& line) { return line.starts_with(begin); });
    }
    void replace(const std::string& before, const std::string& after) {
        for (auto& line : zone) {
            if (const auto at = line.find(before); at != std::string::npos) {
                line.replace(at, before.size(), after);
            }
        }
    }
};

Texts owners_of(const Zone& zone) {
    Texts out;
    for (const auto& one : zone.entries) out.push_back(one.owner);
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace

TEST_CASE("of a signed zone counts what is proven, denials as well", "[query_fetch]") {
    SignedSetup setup;
    const auto fetched = setup.fetch();
    REQUIRE(fetched);
    CHECK(fetched->note.empty());
    CHECK(fetched->signed_until == kSignedUntil);
    CHECK(owners_of(*fetched->zone) ==
          Texts{"alias.example.com.", "mail.example.com.", "web.example.com."});
    CHECK(fetched->zone->warnings ==
          Texts{"out.example.com.: its alias (CNAME) leads out of example.com., where nothing is "
                "proven by this zone's keys: give it TXT records of its own"});
}

TEST_CASE("a denial that is not proven is none", "[query_fetch]") {
    SignedSetup setup;
    setup.lose("alias.example.com. 300 IN RRSIG NSEC");
    const auto fetched = setup.fetch();
    REQUIRE(!fetched);
    INFO(fetched.error().text);
    CHECK(fetched.error().text.find("ghost.example.com. TXT: that it has no TXT records is not "
                                    "proven: ") != std::string::npos);
}

TEST_CASE("what is not what was signed leaves what was known", "[query_fetch]") {
    SignedSetup setup;
    const auto before = setup.fetch();
    REQUIRE(before);
    setup.expire();
    SECTION("other data") {
        setup.replace("198.51.100.1 + 2", "198.51.100.9 + 2");
    }
    SECTION("no signature") {
        setup.lose("mail.example.com. 300 IN RRSIG TXT");
    }
    SECTION("a denial of what is there") {
        setup.lose("mail.example.com. 300 IN TXT");
    }
    const auto after = setup.fetch();
    REQUIRE(after);
    CHECK(after->note.find("the first: mail.example.com. TXT: ") != std::string::npos);
    CHECK(after->zone->records == before->zone->records);
}

TEST_CASE("a zone whose keys nobody vouches for is not asked for names", "[query_fetch]") {
    SignedSetup setup;
    setup.trust("example.com. IN DS 1 13 2 " + std::string(64, '0'));
    const auto fetched = setup.fetch();
    REQUIRE(!fetched);
    CHECK(fetched.error().text.find("none of the keys of example.com. is trusted") !=
          std::string::npos);
    CHECK(setup.server.asked().size() == 1);
}

TEST_CASE("a serial that is not proven puts off no change", "[query_fetch]") {
    SignedSetup setup;
    REQUIRE(setup.fetch());
    SECTION("another") {
        setup.replace(" 7 3600 ", " 8 3600 ");
    }
    SECTION("without a signature") {
        setup.lose("example.com. 300 IN RRSIG SOA");
    }
    const auto fetched = setup.fetch();
    REQUIRE(!fetched);
    CHECK(fetched.error().text.find("its SOA records are ") == 0);
    CHECK_FALSE(fetched.error().gone);
}

TEST_CASE("that a signed zone is gone, nobody has signed", "[query_fetch]") {
    SignedSetup setup;
    for (const auto rcode : {dns::rcode::kNxDomain, dns::rcode::kNotAuth}) {
        setup.rcodes["example.com."] = rcode;
        CHECK_FALSE(setup.fetch().error().gone);  // asked for the keys
        setup.rcodes.clear();
        setup.server.script([&](const Asked& asked) -> std::vector<Message> {
            if (asked.question.type != dns::rr::kSoa) return setup.reply(asked);
            return {reply_to(asked.wire, rcode, {})};
        });
        const auto fetched = setup.fetch();
        REQUIRE(!fetched);
        CHECK_FALSE(fetched.error().gone);
        CHECK(fetched.error().text.find(", which nobody has signed") != std::string::npos);
    }
}

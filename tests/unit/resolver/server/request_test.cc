// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/request.h"

#include "unit/catch.h"
#include "unit/hex.h"

using namespace ipref;
using namespace ipref::resolver;
using Verdict = ParsedRequest::Verdict;

namespace {

constexpr const char* kQuestion =
    "03777777076578616d706c65036f72670000010001";  // www.example.org A

struct Told {
    Verdict verdict;
    uint16_t rcode;
    Request request;
};

/// `counts`: the four section counts in hex, after the id and flags.
Told tell(const std::string& flags, const std::string& counts, const std::string& rest) {
    static std::vector<std::vector<uint8_t>> kept;  // requests point into them
    kept.push_back(test::from_hex("1234" + flags + counts + rest));
    Told told;
    const auto parsed = parse_request(kept.back(), told.request);
    told.verdict = parsed.verdict;
    told.rcode = parsed.rcode;
    return told;
}

}  // namespace

TEST_CASE("A question is taken apart", "[request]") {
    const auto told = tell("0130", "0001000000000001",
                           "03575777074578616d706c65036f726700001c0001"
                           "00002904d000008000000400030000");
    REQUIRE(told.verdict == Verdict::ask);
    const auto& request = told.request;
    CHECK(request.id == 0x1234);
    CHECK(request.rd);
    CHECK(request.ad);
    CHECK(request.cd);
    CHECK(request.name.str() == "WWw.Example.org.");
    CHECK(request.lower.str() == "www.example.org.");
    CHECK(request.type == dns::rr::kAaaa);
    CHECK(request.klass == dns::klass::kIn);
    CHECK(request.edns.present);
    CHECK(request.edns.udp_size == 1232);
    CHECK(request.edns.dnssec_ok);
    CHECK(request.edns.options.size() == 4);
}

TEST_CASE("What cannot be asked is answered in the order of the checks", "[request]") {
    struct Row {
        const char* what;
        const char* flags;
        const char* counts;
        std::string rest;
        Verdict verdict;
        uint16_t rcode;
    };
    const std::string question = kQuestion;
    const std::string opt = "0000290200000000000000";
    const std::string a = "0000010001000000000004c0000201";
    std::string many;
    for (int i = 0; i < 33; i++) many += a;
    const Row rows[] = {
        {"a response", "8100", "0001000000000000", question, Verdict::silence, 0},
        {"UPDATE", "2800", "0001000000000000", question, Verdict::header, 4},
        {"IQUERY with bad counts", "0800", "0000000900000000", "", Verdict::header, 4},
        {"NOTIFY", "2000", "0001000000000000", question, Verdict::ask, 0},
        {"no question", "0100", "0000000000000000", "", Verdict::header, 1},
        {"two questions", "0100", "0002000000000000", question + question, Verdict::header, 1},
        {"two answers", "0100", "0001000200000000", question + a + a, Verdict::header, 1},
        {"one answer", "0100", "0001000100000000", question + a, Verdict::ask, 0},
        {"two authorities", "0100", "0001000000020000", question + a + a, Verdict::header, 1},
        {"three additionals", "0100", "0001000000000003", question + a + a + a, Verdict::ask, 0},
        {"no room for them", "0100", "0001000000000003", question, Verdict::header, 1},
        {"33 additionals", "0100", "0001000000000021", question + many, Verdict::header, 1},
        {"question cut", "0100", "0001000000000000", "03777777", Verdict::header, 1},
        {"pointer to itself", "0100", "0001000000000000", "c00c00010001", Verdict::header, 1},
        {"additional missing", "0100", "0001000000000001", question, Verdict::refuse, 1},
        {"two OPT", "0100", "0001000000000002", question + opt + opt, Verdict::refuse, 1},
        {"OPT as answer", "0100", "0001000100000000", question + opt, Verdict::refuse, 1},
        {"OPT of a name", "0100", "0001000000000001",
         question + "0161"
                    "0000290200000000000000",
         Verdict::refuse, 1},
        {"option too long", "0100", "0001000000000001",
         question + "00002902000000000000050003000201", Verdict::refuse, 1},
        {"cookie of three bytes", "0100", "0001000000000001",
         question + "0000290200000000000007000a0003010203", Verdict::refuse, 1},
        {"client cookie", "0100", "0001000000000001",
         question + "000029020000000000000c000a00080102030405060708", Verdict::ask, 0},
        {"bytes behind", "0100", "0001000000000000", question + "deadbeef", Verdict::ask, 0},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        const auto told = tell(row.flags, row.counts, row.rest);
        CHECK(told.verdict == row.verdict);
        CHECK(told.rcode == row.rcode);
    }
    Request request;
    const std::vector<uint8_t> tiny(11);
    CHECK(parse_request(tiny, request).verdict == Verdict::silence);
}

TEST_CASE("How much a client takes", "[request]") {
    Request request;
    CHECK(reply_limit(request) == 512);
    request.edns.present = true;
    request.edns.udp_size = 100;
    CHECK(reply_limit(request) == 512);
    request.edns.udp_size = 4096;
    CHECK(reply_limit(request) == 4096);
    request.proto = Proto::tcp;
    CHECK(reply_limit(request) == 65535);
}

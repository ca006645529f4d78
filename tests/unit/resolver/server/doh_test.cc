// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/doh.h"

#include "resolver/server/arena.h"
#include "unit/catch.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

HttpRequest get(const std::string& target) {
    HttpRequest out;
    out.method = "GET";
    out.target = target;
    return out;
}

int status(HttpRequest request) {
    return doh_question(std::move(request)).status;
}

std::string text(const std::optional<std::vector<uint8_t>>& bytes) {
    return bytes ? std::string(bytes->begin(), bytes->end()) : "none";
}

RecordRef lasting(uint32_t ttl, Bytes rdata) {
    RecordRef record;
    record.ttl = ttl;
    record.rdata = rdata;
    return record;
}

}  // namespace

TEST_CASE("base64url without padding, and nothing else", "[doh]") {
    CHECK(text(base64url("")).empty());
    CHECK(text(base64url("Zg")) == "f");
    CHECK(text(base64url("Zm8")) == "fo");
    CHECK(text(base64url("Zm9v")) == "foo");
    CHECK(base64url("-_8") == std::vector<uint8_t>{0xfb, 0xff});
    for (const char* bad : {"Z", "Zg==", "Zm8=", "Zh", "+/8", "Zm9 ", "Zm9vY"}) {
        INFO(bad);
        CHECK_FALSE(base64url(bad));
    }
}

TEST_CASE("Which requests hold a question", "[doh]") {
    CHECK(text(doh_question(get("/dns-query?dns=Zm9v")).message) == "foo");
    CHECK(text(doh_question(get("/dns-query?a=b&dns=Zm9v&c")).message) == "foo");
    HttpRequest post;
    post.method = "POST";
    post.target = "/dns-query";
    post.type = kDohType;
    post.body = {1, 2};
    CHECK(doh_question(HttpRequest(post)).message == std::vector<uint8_t>{1, 2});
    post.type = "text/plain";
    CHECK(status(post) == 415);
    post.type = kDohType;
    post.target = "/other";
    CHECK(status(post) == 404);
    CHECK(status(get("/")) == 404);
    CHECK(status(get("/dns-query")) == 400);
    CHECK(status(get("/dns-query?dns=Zm9v&dns=Zm9v")) == 400);
    CHECK(status(get("/dns-query?dns=Z")) == 400);
    auto head = get("/dns-query?dns=Zm9v");
    head.method = "HEAD";
    CHECK(status(head) == 405);
    auto large = get("/dns-query?dns=Zm9v");
    large.refused = 431;
    CHECK(status(large) == 431);
}

TEST_CASE("How long caches may keep an answer", "[doh]") {
    const std::vector<uint8_t> address = {192, 0, 2, 1};
    std::vector<uint8_t> soa(22);
    soa.back() = 60;
    Reply reply;
    reply.answer = {lasting(300, address), lasting(30, address)};
    reply.authority = {lasting(5, {})};
    CHECK(doh_freshness(reply) == "max-age=30");
    reply.answer.clear();
    reply.rcode = dns::rcode::kNxDomain;
    reply.authority = {lasting(3600, soa)};
    reply.authority[0].type = dns::rr::kSoa;
    CHECK(doh_freshness(reply) == "max-age=60");
    reply.authority[0].ttl = 20;
    CHECK(doh_freshness(reply) == "max-age=20");
    reply.authority.clear();
    CHECK(doh_freshness(reply) == "max-age=0");
    reply.answer = {lasting(300, address)};
    reply.rcode = dns::rcode::kServFail;
    CHECK(doh_freshness(reply) == "max-age=0");
}

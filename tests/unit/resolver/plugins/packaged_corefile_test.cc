// SPDX-License-Identifier: GPL-2.0-or-later
// The Corefile that the packages install: it loads, and answers private networks only.
#include <fstream>
#include <iterator>

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using test::ResolverBench;

namespace {

std::string packaged() {
    std::ifstream in(IPREF_SOURCE_DIR "/packaging/coredns/Corefile");
    return {std::istreambuf_iterator<char>(in), {}};
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

}  // namespace

TEST_CASE("The packaged Corefile answers private networks and refuses others", "[packaging]") {
    auto text = packaged();
    if (resolver::find_plugin("acl")->setup == nullptr) {
        // Without acl the server must not start and answer everybody.
        CHECK_THAT(test::refusal(text), Catch::Matchers::Contains("plugin 'acl'"));
        return;
    }
    CHECK(test::refusal(text).empty());
    ResolverBench bench;
    test::ScriptedDns upstream(bench.loop, [](const test::Asked& asked) {
        return std::vector<test::Message>{
            test::reply_to(asked.wire, dns::flag::kRa, {"a.test 60 IN MX 1 b.test"})};
    });
    replace_all(text, "149.112.112.112", "");
    replace_all(text, "9.9.9.9", upstream.at().str());
    replace_all(text, "/run/ipref/mapper.sock", "/nonexistent/mapper.sock");
    bench.open(text);
    for (const char* near : {"127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.1.1",
                             "::1", "fd00::1", "fe80::1"}) {
        INFO(near);
        bench.client = *net::Ip::parse(near);
        CHECK(bench.get("a.test", dns::rr::kMx).rcode == "NOERROR");
    }
    bench.client = *net::Ip::parse("10.0.0.1");
    size_t limit = 0;
    bench.seen = [&](resolver::Query& q) { limit = q.limit(); };
    auto query = test::query_for("a.test", dns::rr::kMx, 77, true);
    query[query.size() - 8] = 4096 >> 8;  // the size, in OPT at the message's end
    query[query.size() - 7] = 0;
    CHECK(bench.get(query).rcode == "NOERROR");
    CHECK(limit == dns::kEdnsUdpSize);
    bench.seen = nullptr;
    for (const char* far : {"203.0.113.1", "172.32.0.1", "100.64.0.1", "2001:db8::1"}) {
        INFO(far);
        bench.client = *net::Ip::parse(far);
        CHECK(bench.get("a.test", dns::rr::kMx).rcode == "REFUSED");
    }
}

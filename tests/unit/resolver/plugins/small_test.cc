// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins chaos, nsid, bufsize and cancel.
#include <unistd.h>

#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;
using Catch::Matchers::Contains;

namespace {

Message query(const std::string& name, uint16_t type, uint16_t klass, const dns::Edns* edns) {
    Message space(4096);
    dns::MessageWriter out(space);
    out.question({*Name::parse(name), type, klass});
    if (edns != nullptr) out.edns(*edns);
    const auto message = out.finish(4711, 0);
    return {message.begin(), message.end()};
}

Message chaos(const std::string& name, uint16_t type = dns::rr::kTxt) {
    return query(name, type, dns::klass::kCh, nullptr);
}

std::string host_name() {
    std::array<char, 256> name{};
    REQUIRE(gethostname(name.data(), name.size() - 1) == 0);
    return name.data();
}

}  // namespace

TEST_CASE("chaos says who answers", "[chaos]") {
    ResolverBench bench;
    bench.open(".:5300 {\n chaos \"my version\" ann bob\n whoami\n}\n");
    CHECK(bench.get(chaos("Version.bind")).answer.front() ==
          "Version.bind. 0 CH TXT \"my version\"");
    CHECK(bench.get(chaos("version.server")).answer.size() == 1);
    CHECK(bench.get(chaos("hostname.bind")).answer.front() ==
          fmt::format("hostname.bind. 0 CH TXT \"{}\"", host_name()));
    auto authors = bench.get(chaos("authors.bind")).answer;
    std::sort(authors.begin(), authors.end());
    CHECK(authors == std::vector<std::string>{"authors.bind. 0 CH TXT \"ann\"",
                                              "authors.bind. 0 CH TXT \"bob\""});
    CHECK(bench.get(chaos("nothing.bind")).rcode == "REFUSED");
    CHECK(bench.get(chaos("version.bind", dns::rr::kA)).rcode == "REFUSED");
    CHECK(bench.get("version.bind", dns::rr::kTxt).rcode == "NOERROR");  // class IN: whoami
}

TEST_CASE("chaos cuts what is too long and passes blocks over", "[chaos]") {
    ResolverBench bench;
    bench.open(".:5300 {\n chaos " + std::string(300, 'v') + " {\n hide\n }\n}\n");
    const auto& answer = bench.get(chaos("version.bind")).answer.front();
    CHECK_THAT(answer, Contains("\"" + std::string(255, 'v') + "\""));
    CHECK(bench.runner.active()->config->warnings.size() == 1);
}

TEST_CASE("nsid answers those who ask", "[nsid]") {
    ResolverBench bench;
    bench.open(".:5300 {\n nsid the name\n whoami\n}\n");
    const std::vector<uint8_t> wish = {0, dns::option::kNsid, 0, 0};
    dns::Edns asks;
    asks.options = wish;
    const dns::Edns silent{};
    const auto options = [&](const dns::Edns* edns) {
        std::string out;
        bench.seen = [&](Query& q) {
            for (const auto& one : q.reply.options) {
                out +=
                    fmt::format("{}:{}", one.code, std::string(one.data.begin(), one.data.end()));
            }
        };
        bench.get(query("a.test", dns::rr::kA, dns::klass::kIn, edns));
        bench.seen = nullptr;
        return out;
    };
    CHECK(options(&asks) == "3:the name");
    CHECK(options(&silent).empty());
    CHECK(options(nullptr).empty());
    CHECK_THAT(refusal(". {\n nsid " + std::string(200, 'x') + "\n}\n"), Contains("128 bytes"));
    CHECK_THAT(refusal(". {\n nsid\n nsid\n}\n"), Contains("once per Server Block"));
}

TEST_CASE("bufsize caps what clients over UDP may ask for", "[bufsize]") {
    ResolverBench bench;
    bench.open(".:5300 {\n bufsize 700\n whoami\n}\n");
    size_t limit = 0;
    uint16_t said = 0;
    bench.seen = [&](Query& q) {
        limit = q.limit();
        said = q.request.edns.udp_size;
    };
    const auto ask = [&](uint16_t size, Proto proto) {
        dns::Edns edns;
        edns.udp_size = size;
        bench.get(query("a.test", dns::rr::kA, dns::klass::kIn, &edns), proto);
    };
    ask(4096, Proto::udp);
    CHECK(limit == 700);
    CHECK(said == 700);
    ask(600, Proto::udp);
    CHECK(limit == 600);
    ask(4096, Proto::tcp);
    CHECK(limit == 65535);
    CHECK(said == 700);
    bench.get(query("a.test", dns::rr::kA, dns::klass::kIn, nullptr));
    CHECK(limit == 512);
    for (const char* bad : {"511", "4097", "x", "99999", "700 800", "-1", ""}) {
        const bool good = std::string(bad).empty();
        CHECK(refusal(fmt::format(". {{\n bufsize {}\n}}\n", bad)).empty() == good);
    }
}

TEST_CASE("cancel answers when nobody else does in time", "[cancel]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked&) { return std::vector<Message>(); });
    const auto at = upstream.at().str();
    bench.open(fmt::format(".:5300 {{\n cancel 30ms\n forward . {}\n}}\n", at));
    auto& answer = bench.ask("slow.test", dns::rr::kA);
    run_until(bench.loop, [&] { return answer.done; });
    CHECK(answer.rcode == "SERVFAIL");
    CHECK(answer.info == "no answer in time");
    for (const char* bad : {"0s", "x", "1s 2s", "5"}) {
        CHECK_THAT(refusal(fmt::format(". {{\n cancel {}\n}}\n", bad)), Contains("plugin/cancel"));
    }
}

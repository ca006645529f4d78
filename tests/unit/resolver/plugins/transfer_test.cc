// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/transfer/transfer.h"

#include <fstream>

#include "common/dns/tsig.h"
#include "common/run/unix_time.h"
#include "resolver/plugins/file/zone_text.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::test;
namespace rr = ipref::dns::rr;
using resolver::Proto;

namespace {

constexpr const char* kZone = "@ 60 SOA ns hm 100 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nb.a TXT x\n";

/// A question for IXFR from this serial.
Message ixfr(const std::string& name, uint32_t serial) {
    Message space(512);
    dns::MessageWriter out(space);
    out.question({.name = *dns::Name::parse(name), .type = rr::kIxfr});
    auto soa = dns::parse_record(fmt::format("{}. 0 IN SOA ns. hm. {} 0 0 0 0", name, serial));
    REQUIRE(soa);
    REQUIRE(out.record(dns::Section::authority, *soa));
    const auto message = out.finish(9, 0);
    return {message.begin(), message.end()};
}

struct Zones : ResolverBench {
    TemporaryDirectory directory;

    explicit Zones(const std::string& to, const std::string& more = "") {
        std::ofstream(directory.file("db")) << kZone;
        open(fmt::format("a.test {{\n file {}\n transfer {{\n  to {}\n }}\n}}\n{}",
                         directory.file("db"), to, more));
    }
};

}  // namespace

TEST_CASE("A whole zone goes to those who may have it, over streams only", "[transfer]") {
    Zones zones("*");
    const auto& got = zones.get(query_for("A.test", rr::kAxfr), Proto::tcp);
    CHECK(got.rcode == "NOERROR");
    CHECK(got.header.has(dns::flag::kAa));
    REQUIRE(got.answer.size() == 5);
    CHECK(got.answer.front() == got.answer.back());
    CHECK(got.answer.front() == "A.test. 60 IN SOA ns.A.test. hm.A.test. 100 2 3 4 5");
    CHECK(zones.get(query_for("a.test", rr::kAxfr, 2), Proto::udp).rcode == "REFUSED");
    CHECK(zones.get(query_for("ns.a.test", rr::kAxfr, 3), Proto::tcp).rcode == "REFUSED");
    CHECK(zones.get(query_for("a.test", rr::kA, 4), Proto::tcp).rcode == "NOERROR");
}

TEST_CASE("Others are refused", "[transfer]") {
    // The bench's client is 192.0.2.200.
    Zones refused("192.0.2.99");
    CHECK(refused.get(query_for("a.test", rr::kAxfr), Proto::tcp).rcode == "REFUSED");
    Zones allowed("192.0.2.99 192.0.2.200:5353");
    CHECK(allowed.get(query_for("a.test", rr::kAxfr), Proto::tcp).rcode == "NOERROR");
}

TEST_CASE("IXFR: nothing new is one SOA, anything else the whole zone", "[transfer]") {
    Zones zones("*");
    CHECK(zones.get(ixfr("a.test", 100), Proto::tcp).answer.size() == 1);
    CHECK(zones.get(ixfr("a.test", 101), Proto::tcp).answer.size() == 1);
    CHECK(zones.get(ixfr("a.test", 99), Proto::tcp).answer.size() == 5);
    CHECK(zones.get(ixfr("a.test", 4294967295), Proto::tcp).answer.size() == 5);
    CHECK(zones.get(query_for("a.test", rr::kIxfr, 8), Proto::tcp).rcode == "FORMERR");
}

TEST_CASE("Serials are compared around their end", "[transfer]") {
    CHECK(resolver::serial_reached(5, 5));
    CHECK(resolver::serial_reached(6, 5));
    CHECK_FALSE(resolver::serial_reached(4, 5));
    CHECK(resolver::serial_reached(2, 4294967295));
    CHECK_FALSE(resolver::serial_reached(4294967295, 2));
}

TEST_CASE("A large zone is cut into messages of bounded size, every record once", "[transfer]") {
    std::string text = "@ 60 SOA ns hm 1 2 3 4 5\n";
    for (int i = 0; i < 3000; i++) text += fmt::format("h{} A 192.0.2.1\n", i);
    text += "other.test. A 192.0.2.2\n";
    const auto zone = resolver::read_zone(text, "db", *dns::Name::parse("a.test"), {});
    REQUIRE(zone);
    resolver::Outgoing outgoing(zone->zone);
    resolver::Reply reply;
    size_t records = 0;
    size_t messages = 0;
    for (bool more = true; more; messages++) {
        more = outgoing.fill(reply);
        size_t size = 0;
        for (const auto& record : reply.answer)
            size += record.owner.size() + 10 + record.rdata.size();
        CHECK(size < 20 * 1024);
        records += reply.answer.size();
        if (messages == 0) CHECK(reply.answer.front().type == rr::kSoa);
        if (!more) CHECK(reply.answer.back().type == rr::kSoa);
        reply.clear();
    }
    CHECK(records == 3003);
    CHECK(outgoing.sent() == records);
    CHECK(messages > 3);
}

TEST_CASE("With a key, what is told is signed, and questions must be", "[transfer][tsig]") {
    const std::string secret = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==";
    const auto key_named = [](const char* name) {
        return dns::TsigKey{*dns::Name::parse(name), dns::TsigAlgorithm::sha256,
                            std::vector<uint8_t>(40, 'k')};
    };
    const auto now = [] { return static_cast<uint64_t>(run::unix_time()); };
    std::vector<std::string> told;
    TemporaryDirectory directory;
    std::ofstream(directory.file("db")) << kZone;
    ResolverBench bench;
    ScriptedDns server(bench.loop, [&](const Asked& asked) -> std::vector<Message> {
        dns::TsigSession session(key_named("one.example"));
        const auto fine = session.verify(asked.wire, now());
        told.push_back(fine ? "signed" : fine.error().text);
        return {session.sign(reply_to(asked.wire, dns::opcode::kNotify << 11, {}), now())};
    });
    const auto text = [&](const std::string& key) {
        return fmt::format(
            "a.test {{\n tsig {{\n secret one.example {}\n secret two.example {}\n }}\n "
            "file {}\n transfer {{\n to {} key {}\n }}\n}}\n",
            secret, secret, directory.file("db"), server.at().str(), key);
    };
    bench.open(text("ONE.example."));
    run_until(bench.loop, [&] { return !told.empty(); });
    CHECK(told == std::vector<std::string>{"signed"});

    bench.client = server.at().ip;
    const auto ask = [&](const char* key, uint16_t id) {
        dns::TsigSession session(key_named(key));
        return bench.get(session.sign(query_for("a.test", rr::kAxfr, id), now()), Proto::tcp).rcode;
    };
    CHECK(bench.get(query_for("a.test", rr::kAxfr, 1), Proto::tcp).rcode == "REFUSED");
    CHECK(ask("one.example", 2) == "NOERROR");
    CHECK(ask("two.example", 3) == "REFUSED");
    bench.client = *net::Ip::parse("192.0.2.200");
    CHECK(ask("one.example", 4) == "REFUSED");
    CHECK_THAT(refusal(text("three.example")),
               Catch::Contains("Corefile:8:") &&
                   Catch::Contains("no key three.example. in this block: plugin tsig has "
                                   "one.example., two.example."));
    CHECK_THAT(refusal("a.test {\n transfer {\n to * key one.example\n }\n}\n"),
               Catch::Contains("in this block: plugin tsig defines keys"));
}

TEST_CASE("Listed servers are told of a zone at start and when it changes", "[transfer]") {
    run::Loop loop;
    std::vector<Asked> told;
    TemporaryDirectory directory;
    const auto write = [&](int serial) {
        std::ofstream(directory.file("new")) << fmt::format("@ 60 SOA ns hm {} 2 3 4 5\n", serial);
        std::filesystem::rename(directory.file("new"), directory.file("db"));
    };
    write(1);
    ResolverBench bench;
    ScriptedDns server(bench.loop, [&](const Asked& asked) {
        told.push_back(asked);
        // The first one is lost: it is sent again.
        return told.size() == 1
                   ? std::vector<Message>{}
                   : std::vector<Message>{reply_to(asked.wire, dns::opcode::kNotify << 11, {})};
    });
    bench.open(
        fmt::format("a.test {{\n file {} {{\n  reload 2ms\n }}\n transfer {{\n  to {}\n }}\n}}\n",
                    directory.file("db"), server.at().str()));
    run_until(bench.loop, [&] { return told.size() == 2; });
    CHECK(told[0].header.opcode() == dns::opcode::kNotify);
    CHECK(told[0].header.has(dns::flag::kAa));
    CHECK(told[0].question.name.str() == "a.test.");
    CHECK(told[0].question.type == rr::kSoa);
    for (int i = 0; i < 20; i++) uv_run(bench.loop.raw(), UV_RUN_ONCE);
    write(2);
    run_until(bench.loop, [&] { return told.size() == 3; });
}

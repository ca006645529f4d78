// SPDX-License-Identifier: GPL-2.0-or-later
// Plugins auto and secondary.
#include <filesystem>
#include <fstream>

#include "common/dns/tsig.h"
#include "common/run/unix_time.h"
#include "resolver/plugins/auto/auto_zones.h"
#include "resolver/plugins/secondary/secondary_zone.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using namespace ipref::test;
using Catch::Matchers::Contains;

namespace {

std::string zone_text(int serial, const std::string& address) {
    return fmt::format(
        "@ 300 IN SOA ns hm {} 3600 600 86400 60\n@ 300 NS ns\nns A 192.0.2.53\n"
        "www 60 A {}\n",
        serial, address);
}

void write(const std::filesystem::path& path, const std::string& text) {
    const auto fresh = path.string() + ".new";
    std::ofstream(fresh) << text;
    std::filesystem::rename(fresh, path);
}

std::string first(const Answered& answer) {
    return answer.answer.empty() ? answer.rcode : answer.answer.front();
}

/// Asks until the first line of the answer, or its rcode, is this.
void await(ResolverBench& bench, const std::string& name, const std::string& line) {
    for (bool seen = false; !seen;) {
        run::Timer pause(bench.loop, [] {});
        pause.start(run::Milliseconds(10));
        run_until(bench.loop, [&] { return !pause.active(); });
        seen = first(bench.get(name, dns::rr::kA)) == line;
    }
}

Message reply(const Asked& asked, const std::vector<std::string>& records) {
    return reply_to(asked.wire, dns::flag::kAa, records);
}

/// A server that has the zone z.test with this serial and address of www.
std::vector<Message> primary(const Asked& asked, int serial, const std::string& address) {
    const auto soa =
        fmt::format("z.test. 300 IN SOA ns.z.test. hm.z.test. {} 3600 600 86400 60", serial);
    if (asked.question.type == dns::rr::kSoa) return {reply(asked, {soa})};
    if (asked.question.type != dns::rr::kAxfr) return {};
    return {reply(asked, {soa, "z.test. 300 IN NS ns.z.test."}),
            reply(asked, {"www.z.test. 60 IN A " + address, "elsewhere.example. 60 IN A 192.0.2.66",
                          soa})};
}

Message notify_for(const std::string& name, uint16_t type, uint16_t id) {
    Message space(512);
    dns::MessageWriter out(space);
    out.question({*Name::parse(name), type});
    const auto message = out.finish(id, dns::opcode::kNotify << 11 | dns::flag::kAa);
    return {message.begin(), message.end()};
}

}  // namespace

TEST_CASE("names of files and the zones that they stand for", "[auto]") {
    AutoSettings settings;
    settings.zones = {*Name::parse("example.org."), *Name::parse("example.net.")};
    const auto origin = [&](const char* pattern, const char* text, const char* file) {
        settings.pattern = std::make_shared<RE2>(pattern);
        settings.origin = text;
        const auto name = origin_of(settings, file);
        return name ? name->str() : "";
    };
    CHECK(origin("db\\.(.*)", "{1}", "db.example.org") == "example.org.");
    CHECK(origin("db\\.(.*)", "{1}", "db.SUB.example.net") == "sub.example.net.");
    CHECK(origin("db\\.(.*)", "{1}", "db.example.com").empty());
    CHECK(origin("db\\.(.*)", "{1}", "db.").empty());
    CHECK(origin("db\\.(.*)", "{1}", "example.org").empty());
    CHECK(origin("(.*)_(.*)\\.zone", "{2}.{1}.org", "example_a.zone") == "a.example.org.");
    CHECK(origin("example.org", "{0}", "example.org") == "example.org.");
    CHECK(origin("(.*)\\.zone", "{1}", "example..org.zone").empty());
}

TEST_CASE("zones follow the directory", "[auto]") {
    const TemporaryDirectory dir;
    write(dir.path() / "db.a.test", zone_text(1, "192.0.2.1"));
    std::filesystem::create_directory(dir.path() / "more");
    write(dir.path() / "more/db.sub.a.test", zone_text(1, "192.0.2.2"));
    write(dir.path() / "db.bad.test", "nonsense\n");
    write(dir.path() / "other", zone_text(1, "192.0.2.3"));
    ResolverBench bench;
    bench.open(fmt::format(".:5300 {{\n auto {{\n directory {}\n reload 20ms\n }}\n}}\n",
                           dir.path().string()));
    CHECK(bench.runner.active()->config->warnings.size() == 1);
    CHECK(first(bench.get("www.a.test", dns::rr::kA)) == "www.a.test. 60 IN A 192.0.2.1");
    CHECK(first(bench.get("www.sub.a.test", dns::rr::kA)) == "www.sub.a.test. 60 IN A 192.0.2.2");
    CHECK(first(bench.get("no.sub.a.test", dns::rr::kA)) == "NXDOMAIN");
    CHECK(first(bench.get("www.bad.test", dns::rr::kA)) == "SERVFAIL");
    write(dir.path() / "db.b.test", zone_text(1, "192.0.2.4"));
    await(bench, "www.b.test", "www.b.test. 60 IN A 192.0.2.4");
    write(dir.path() / "db.a.test", zone_text(2, "192.0.2.9"));
    await(bench, "www.a.test", "www.a.test. 60 IN A 192.0.2.9");
    std::filesystem::remove(dir.path() / "more/db.sub.a.test");
    await(bench, "www.sub.a.test", "NXDOMAIN");  // of a.test now
}

TEST_CASE("options of auto", "[auto]") {
    for (const char* bad :
         {"", "directory", "directory /x (.*)", "directory /x ( {1}", "directory /x (.*) {2}",
          "directory /x (.*) {1} more", "nonsense", "directory /x\n reload x"}) {
        INFO(bad);
        CHECK_THAT(refusal(fmt::format(". {{\n auto {{\n {}\n }}\n}}\n", bad)),
                   Contains("plugin/auto"));
    }
    CHECK(refusal(". {\n auto {\n directory /nonexistent\n }\n}\n").empty());
}

TEST_CASE("a zone is transferred, followed by NOTIFY, and outlives its configuration",
          "[secondary]") {
    ResolverBench bench;
    int serial = 1;
    std::string address = "192.0.2.1";
    ScriptedDns server(
        bench.loop, [&](const Asked& asked) { return primary(asked, serial, address); },
        "127.0.0.1");
    const auto text = fmt::format("z.test:5300 {{\n secondary {{\n transfer from {} {}\n }}\n}}\n",
                                  nobody().str(), server.at().str());
    bench.open(text);
    CHECK_FALSE(bench.runner.active()->config->blocks[0]->chain.at(0).ready());
    CHECK(first(bench.get("www.z.test", dns::rr::kA)) == "SERVFAIL");
    await(bench, "www.z.test", "www.z.test. 60 IN A 192.0.2.1");
    CHECK(bench.runner.active()->config->blocks[0]->chain.at(0).ready());
    CHECK(first(bench.get("none.z.test", dns::rr::kA)) == "NXDOMAIN");

    serial = 2;
    address = "192.0.2.2";
    bench.client = *net::Ip::parse("127.0.0.1");
    CHECK(bench.get(notify_for("z.test", dns::rr::kA, 901)).rcode == "REFUSED");
    CHECK(bench.get(notify_for("www.z.test", dns::rr::kSoa, 902)).rcode == "REFUSED");
    CHECK(bench.get(notify_for("z.test", dns::rr::kSoa, 903)).rcode == "NOERROR");
    await(bench, "www.z.test", "www.z.test. 60 IN A 192.0.2.2");
    bench.client = *net::Ip::parse("192.0.2.200");
    CHECK(bench.get(notify_for("z.test", dns::rr::kSoa, 904)).rcode == "REFUSED");

    const auto before = bench.runner.active();
    bench.open(text);  // as a reload does
    CHECK(first(bench.get("www.z.test", dns::rr::kA)) == "www.z.test. 60 IN A 192.0.2.2");
}

TEST_CASE("with a key a secondary signs what it asks, and knows a signed NOTIFY",
          "[secondary][tsig]") {
    const std::string secret = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==";
    const auto key_of = [](const char* name, char letter) {
        return dns::TsigKey{*Name::parse(name), dns::TsigAlgorithm::sha256,
                            std::vector<uint8_t>(40, static_cast<uint8_t>(letter))};
    };
    const auto now = [] { return static_cast<uint64_t>(run::unix_time()); };
    ResolverBench bench;
    std::vector<std::string> wrong;
    ScriptedDns server(bench.loop, [&](const Asked& asked) {
        dns::TsigSession session(key_of("one.example", 'k'));
        const auto fine = session.verify(asked.wire, now());
        if (!fine) wrong.push_back(fine.error().text);
        auto answers = primary(asked, 1, "192.0.2.1");
        for (auto& message : answers) message = session.sign(message, now());
        return answers;
    });
    TemporaryDirectory directory;
    const auto file = directory.file("secret");
    write(file, secret);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    const auto by_plugin = fmt::format(
        "z.test {{\n tsig {{\n secret one.example {}\n secret two.example {}\n }}\n "
        "secondary {{\n transfer from {} key one.example\n }}\n}}\n",
        secret, secret, server.at().str());
    const auto by_file = fmt::format(
        "z.test {{\n secondary {{\n transfer from {}\n tsig "
        "one.example:hmac-sha256:{}\n }}\n}}\n",
        server.at().str(), file);
    uint16_t id = 1;
    for (const auto& text : {by_plugin, by_file}) {
        INFO(text);
        bench.open(text);
        await(bench, "www.z.test", "www.z.test. 60 IN A 192.0.2.1");
        CHECK(wrong.empty());
        bench.client = server.at().ip;
        const auto notify = [&] { return notify_for("z.test", dns::rr::kSoa, id++); };
        CHECK(bench.get(notify()).rcode == "NOERROR");
        dns::TsigSession session(key_of("one.example", 'k'));
        const auto& good = bench.get(session.sign(notify(), now()));
        CHECK(good.rcode == "NOERROR");
        CHECK(session.verify(good.message, now()));
        const auto with = [&](const dns::TsigKey& key) {
            return bench.get(dns::TsigSession(key).sign(notify(), now())).rcode;
        };
        CHECK(with(key_of("one.example", 'x')) == "NOTAUTH");
        CHECK(with(key_of("none.example", 'k')) == "NOTAUTH");
        const bool ring = text == by_plugin;  // which knows the key, but it is not this server's
        CHECK(with(key_of("two.example", 'k')) == (ring ? "REFUSED" : "NOTAUTH"));
    }
}

TEST_CASE("times of a zone's SOA are kept within reason", "[secondary]") {
    const auto times = [](const std::string& numbers) {
        const auto zone = read_zone("@ 300 IN SOA ns hm 1 " + numbers + "\n", "db",
                                    *Name::parse("z.test."), nullptr);
        REQUIRE(zone);
        return soa_times(*zone->zone);
    };
    CHECK(times("3600 600 86400 60").refresh == std::chrono::hours(1));
    CHECK(times("3600 600 86400 60").retry == std::chrono::minutes(10));
    CHECK(times("0 0 0 60").refresh == std::chrono::seconds(1));
    CHECK(times("0 0 0 60").retry == std::chrono::seconds(1));
    CHECK(times("4000000000 1 1 60").refresh == std::chrono::hours(24));
    CHECK(times("3600 600 60 60").expire == std::chrono::hours(1));
}

TEST_CASE("options of secondary", "[secondary]") {
    for (const char* bad :
         {"", "transfer", "transfer from", "transfer to 192.0.2.1", "transfer from host.example",
          "nonsense", "transfer from 192.0.2.1 key one.example"}) {
        INFO(bad);
        CHECK_THAT(refusal(fmt::format("z.test {{\n secondary {{\n {}\n }}\n}}\n", bad)),
                   Contains("plugin/secondary"));
    }
}

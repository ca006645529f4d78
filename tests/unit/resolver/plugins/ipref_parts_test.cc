// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref's upstreams and Corefile.
#include "resolver/plugins/ipref/asker.h"
#include "resolver/plugins/ipref/memory.h"
#include "unit/resolver/plugins/bench.h"

using namespace ipref;
using namespace ipref::test;
using resolver::aa::Asker;
using resolver::aa::AskerOptions;
using resolver::aa::Memory;
using resolver::aa::Target;

namespace {

std::string block(const std::string& options, const std::string& from = "") {
    return ".:53 {\n ipref " + from + " {\n" + options + "\n }\n}\n";
}

Result<dns::Answer> ask(run::Loop& loop, Asker& asker) {
    std::optional<Result<dns::Answer>> got;
    asker.ask(*dns::Name::parse("a.test"), dns::rr::kTxt,
              [&](const Result<dns::Answer>& answer) { got = answer; });
    CHECK_FALSE(got);
    run_until(loop, [&] { return got.has_value(); });
    return *got;
}

}  // namespace

TEST_CASE("answers are remembered for their TTL, and within bounds", "[ipref]") {
    using std::chrono::seconds;
    const auto known = [](int64_t since, int64_t lasts) {
        Memory::Known made;
        made.since = seconds(since);
        made.lasts = seconds(lasts);
        made.outcome.addresses = {*net::Ip::parse("10.240.0.1")};
        return made;
    };
    const auto name = [](int number) { return *dns::Name::parse(fmt::format("h{}.test", number)); };
    Memory memory(64 << 10);
    memory.keep(name(1), dns::rr::kA, known(100, 10));
    memory.keep(name(2), dns::rr::kA, known(100, 0));
    CHECK(memory.size() == 1);
    CHECK(memory.find(name(1), dns::rr::kA, seconds(109)) != nullptr);
    CHECK(memory.find(name(1), dns::rr::kAaaa, seconds(109)) == nullptr);
    CHECK(memory.find(name(1), dns::rr::kA, seconds(110)) == nullptr);
    CHECK(memory.size() == 0);
    CHECK(memory.bytes() == 0);

    memory.keep(name(1), dns::rr::kA, known(100, 10));
    memory.keep(name(1), dns::rr::kA, known(105, 10));
    CHECK(memory.size() == 1);
    CHECK(memory.find(name(1), dns::rr::kA, seconds(114)) != nullptr);
    memory.forget(name(1), dns::rr::kA);
    CHECK(memory.bytes() == 0);

    for (int i = 0; i < 1000; i++) {
        memory.keep(name(i), dns::rr::kA, known(100, 10));
        REQUIRE(memory.bytes() <= 64 << 10);
    }
    CHECK(memory.find(name(0), dns::rr::kA, seconds(101)) == nullptr);
    CHECK(memory.find(name(999), dns::rr::kA, seconds(101)) != nullptr);
    auto large = known(100, 10);
    large.mappings.resize(10'000);
    memory.keep(name(999), dns::rr::kA, std::move(large));
    CHECK(memory.find(name(999), dns::rr::kA, seconds(101)) == nullptr);
    CHECK(memory.size() > 0);
}

TEST_CASE("upstreams as the Corefile names them", "[ipref]") {
    const std::vector<std::pair<std::string, std::string>> good = {
        {"192.0.2.1", "192.0.2.1:53"},         {" 192.0.2.1 ", "192.0.2.1:53"},
        {"192.0.2.1:5353", "192.0.2.1:5353"},  {"[2001:db8::1]:54", "[2001:db8::1]:54"},
        {"2001:db8::1", "[2001:db8::1]:53"},   {"dns.example", "dns.example.:53"},
        {"dns.example:54", "dns.example.:54"},
    };
    for (const auto& [text, printed] : good) {
        INFO(text);
        const auto target = Target::parse(text);
        REQUIRE(target);
        CHECK(target->str() == printed);
    }
    for (const auto* text : {"", "not an address", "192.0.2", "192.0.2.1:0", "192.0.2.1:99999",
                             "dns.example:x", "[2001:db8::1", "a..b", "tls://192.0.2.1"}) {
        INFO(text);
        CHECK_FALSE(Target::parse(text));
    }
}

TEST_CASE("silent upstreams are asked twice, until the deadline", "[ipref]") {
    run::Loop loop;
    ScriptedDns silent(loop, [](const Asked&) { return std::vector<Message>{}; });
    ScriptedDns refusing(loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, dns::rcode::kRefused, {})};
    });
    AskerOptions options;
    options.upstreams = {*Target::parse(silent.at().str()), *Target::parse(refusing.at().str())};
    options.first_try = run::Milliseconds(20);
    options.second_try = run::Milliseconds(20);
    Asker asker(loop, options);
    const auto answer = ask(loop, asker);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().text == "upstream " + silent.at().str() + ": no answer");
    CHECK(silent.asked().size() == 2);
    CHECK(refusing.asked().size() == 1);
    CHECK(asker.in_flight() == 0);
}

TEST_CASE("the deadline holds over all upstreams", "[ipref]") {
    run::Loop loop;
    ScriptedDns silent(loop, [](const Asked&) { return std::vector<Message>{}; });
    AskerOptions options;
    for (int i = 0; i < 4; i++) options.upstreams.push_back(*Target::parse(silent.at().str()));
    options.first_try = run::Milliseconds(40);
    options.deadline = run::Milliseconds(60);
    Asker asker(loop, options);
    CHECK_FALSE(ask(loop, asker));
    CHECK(silent.asked().size() == 2);
}

TEST_CASE("an upstream that is a host of the hosts file", "[ipref]") {
    run::Loop loop;
    ScriptedDns server(loop, [](const Asked& asked) {
        return std::vector<Message>{reply_to(asked.wire, 0, {"a.test. 60 IN TXT \"x\""})};
    });
    AskerOptions options;
    options.upstreams = {*Target::parse(fmt::format("localhost:{}", server.at().port))};
    Asker asker(loop, options);
    // Until the address is known, a look-up fails at once.
    bool found = false;
    for (int i = 0; i < 100 && !found; i++) found = ask(loop, asker).has_value();
    CHECK(found);
}

TEST_CASE("Corefiles with ipref that are refused", "[ipref]") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {block("ea-ipver 4"), "missing upstream"},
        {block("upstream"), "Wrong argument count"},
        {block("upstream 192.0.2.1 192.0.2.2"), "Wrong argument count"},
        {block("upstream 192.0.2.1:0"), "port 0"},
        {block("upstream \"not an address\""), "neither an address nor a host name"},
        {block("upstream 192.0.2.1\nbogus 1"), "unknown property 'bogus'"},
        {block("upstream 192.0.2.1\nea-ipver 5"), "\"5\" is not an IP version"},
        {block("upstream 192.0.2.1\ngw-ipver"), "Wrong argument count"},
        {block("upstream 192.0.2.1\nmapper"), "Wrong argument count"},
        {block("upstream 192.0.2.1\nmapper \"\""), "empty"},
        {block("upstream 192.0.2.1\nmapper tcp://127.0.0.1:1"), "tcp://127.0.0.1:1"},
        {block("upstream 192.0.2.1\nmapper-protocol v2"), "v2"},
        {block("upstream 192.0.2.1\ndnssec yes"), "Wrong argument count"},
        {block("upstream 192.0.2.1\nttl"), "Wrong argument count"},
        {block("upstream 192.0.2.1\nttl -1"), "\"-1\" is not a TTL"},
        {block("upstream 192.0.2.1\nttl 5x"), "5x"},
        {block("upstream 192.0.2.1\nexcept"), "Wrong argument count"},
        {block("upstream 192.0.2.1\nexcept a..b"), "a..b"},
        {block("upstream 192.0.2.1", "a..b"), "a..b"},
        {".:53 {\n ipref {\n upstream 192.0.2.1\n }\n ipref a {\n upstream 192.0.2.1\n }\n}\n",
         "this plugin can only be used once per Server Block"},
    };
    for (const auto& [text, why] : cases) {
        INFO(text);
        const auto error = refusal(text);
        INFO(error);
        CHECK(error.find("plugin/ipref: Corefile:") == 0);
        CHECK(error.find(why) != std::string::npos);
    }
}

TEST_CASE("every option of ipref is taken", "[ipref]") {
    CHECK(refusal(block("upstream 192.0.2.1\nupstream [2001:db8::1]:53\nupstream dns.example\n"
                        "except a.test b.test\nea-ipver 6\ngw-ipver 4\n"
                        "mapper unix:///run/ipref/mapper.sock\nmapper-protocol v1\ndnssec\nttl 1h",
                        "example.org example.net"))
              .empty());
    CHECK(
        refusal(block("upstream 192.0.2.1\nmapper run/mapper.sock\nmapper-protocol auto")).empty());
}

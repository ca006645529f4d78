// SPDX-License-Identifier: GPL-2.0-or-later
// What CoreDNS had to be warned of, on every transport: messages that must not reach a plugin, and
// what they may cost. Limits of streams are tested with the streams: connection_test.cc,
// http_test.cc. docs/SECURITY.md has the whole list, with the test of each.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "resolver/server/request.h"
#include "resolver/server/runner.h"
#include "resolver/server/stream_encode.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Message;

namespace {

constexpr Proto kTransports[] = {Proto::udp, Proto::tcp, Proto::tls, Proto::https};

/// A server that forwards everything, and the upstream that must not be asked.
struct Bench : Sink {
    run::Loop loop;
    Runner runner{loop, 0};
    test::ScriptedDns upstream{loop, [](const test::Asked&) { return std::vector<Message>{}; }};
    Message answer;
    bool delivered = false;

    Bench() {
        auto config =
            load_config(fmt::format(". {{\n forward . {}\n}}\n", upstream.at().str()), {});
        if (!config) FAIL(config.error().text);
        REQUIRE(runner.use(*config));
    }
    ~Bench() override { runner.shut_down(); }
    void deliver(Query& q) override {
        delivered = true;
        answer.assign(dns::kMaxMessage, 0);
        const bool silent = q.outcome() == Query::Outcome::dropped;
        answer.resize(silent ? 0 : encode_for_stream(q, {}, answer));
    }
    /// The answer, which must come at once: nobody is asked.
    const Message& ask(const Message& query, Proto proto) {
        delivered = false;
        Whence whence;
        whence.client = *net::Endpoint::parse("192.0.2.1:5000", 0);
        whence.proto = proto;
        runner.take(query, *this, &runner.active()->config->listeners.begin()->second, whence);
        REQUIRE(delivered);
        CHECK(upstream.asked().empty());
        return answer;
    }
    /// "RCODE of SIZE bytes"
    std::string said(const Message& query, Proto proto) {
        const auto& out = ask(query, proto);
        if (out.empty()) return "silence";
        return fmt::format("{} of {} bytes", dns::rcode_text(dns::Header::read(out)->rcode()),
                           out.size());
    }
};

Message with_counts(uint16_t questions, uint16_t answers, uint16_t authorities,
                    uint16_t additionals) {
    auto query = test::query_for("a.test", dns::rr::kA, 1, false);
    auto header = *dns::Header::read(query);
    header.questions = questions;
    header.answers = answers;
    header.authorities = authorities;
    header.additionals = additionals;
    header.write(query);
    return query;
}

}  // namespace

TEST_CASE("CVE-2026-86003: updates and other operations are not forwarded", "[advisory]") {
    Bench bench;
    for (const auto proto : kTransports) {
        for (unsigned opcode = 1; opcode < 16; opcode++) {
            auto query = test::query_for("a.test", dns::rr::kA);
            query[2] = static_cast<uint8_t>(opcode << 3);
            INFO(opcode);
            const auto header = *dns::Header::read(bench.ask(query, proto));
            CHECK(header.rcode() == dns::rcode::kNotImp);
            CHECK(header.opcode() == opcode);
        }
    }
}

TEST_CASE("CVE-2026-82399: counts that no question has are refused by the header", "[advisory]") {
    Bench bench;
    const std::array<std::array<uint16_t, 4>, 9> bad = {{{0, 0, 0, 0},
                                                         {2, 0, 0, 0},
                                                         {65535, 0, 0, 0},
                                                         {1, 2, 0, 0},
                                                         {1, 65535, 0, 0},
                                                         {1, 0, 2, 0},
                                                         {1, 0, 65535, 0},
                                                         {1, 0, 0, 3},
                                                         {1, 0, 0, 65535}}};
    for (const auto proto : kTransports) {
        for (const auto& [questions, answers, authorities, additionals] : bad) {
            const auto query = with_counts(questions, answers, authorities, additionals);
            CHECK(bench.said(query, proto) == "FORMERR of 12 bytes");
        }
    }
}

TEST_CASE("CVE-2026-82399: names that point at each other are read once", "[advisory]") {
    Bench bench;
    // 64 KB whose names are pointers to pointers; each record's owner is the last of them.
    Message bomb = with_counts(1, 1, 1, 2);
    const auto put = [&](size_t value) {
        bomb.push_back(static_cast<uint8_t>(value >> 8));
        bomb.push_back(static_cast<uint8_t>(value));
    };
    const auto record = [&](size_t owner, size_t data) {
        put(0xc000 | owner);
        put(dns::rr::kTxt);
        put(dns::klass::kIn);
        put(0);
        put(0);
        put(data);
    };
    const size_t chain = 7000;
    record(12, 2 * chain);
    size_t last = 12;
    for (size_t i = 0; i < chain; i++) {
        const size_t at = bomb.size();
        put(0xc000 | last);
        if (at < 0x4000) last = at;
    }
    record(last, 0);
    record(last, 0);
    record(last, 0);
    for (const auto proto : kTransports) {
        Request request;
        const auto parsed = parse_request(bomb, request);
        CHECK(parsed.verdict == ParsedRequest::Verdict::ask);
        // One that also loops is malformed, and not followed.
        auto loop = bomb;
        loop[bomb.size() - 12] = 0xc0 | static_cast<uint8_t>((bomb.size() - 12) >> 8 & 0x3f);
        loop[bomb.size() - 11] = static_cast<uint8_t>(bomb.size() - 12);
        CHECK(bench.said(loop, proto).starts_with("FORMERR"));
    }
}

TEST_CASE("Answers to questions and cut messages are met with silence", "[advisory]") {
    Bench bench;
    for (const auto proto : kTransports) {
        auto response = test::query_for("a.test", dns::rr::kA);
        response[2] |= 0x80;
        CHECK(bench.said(response, proto) == "silence");
        CHECK(bench.said({1, 2, 3}, proto) == "silence");
    }
}

TEST_CASE("EDNS of another version is answered with BADVERS", "[advisory]") {
    Bench bench;
    for (const auto proto : kTransports) {
        auto query = test::query_for("a.test", dns::rr::kA, 1, true);
        query[query.size() - 5] = 1;  // the version, in OPT at the message's end
        const auto& answer = bench.ask(query, proto);
        dns::MessageReader reader(answer);
        const auto opt = reader.record();
        REQUIRE(opt);
        CHECK(dns::Edns::from(*opt).extended_rcode == dns::rcode::kBadVers >> 4);
        CHECK(dns::Edns::from(*opt).version == 0);
    }
}

TEST_CASE("Every attack in docs/SECURITY.md names a test that exists", "[advisory]") {
    const std::filesystem::path top(IPREF_SOURCE_DIR);
    const auto text_of = [](const std::filesystem::path& path) {
        std::ifstream in(path);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    std::istringstream lines(text_of(top / "docs/SECURITY.md"));
    size_t rows = 0;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream cells(line);
        std::string advisory, file, test, skipped;
        const auto next = [&](std::string& cell) {
            std::getline(cells, cell, '|');
            cell = cell.size() > 2 ? cell.substr(1, cell.size() - 2) : "";
        };
        for (auto* cell : {&skipped, &advisory, &skipped, &file, &test}) next(*cell);
        if (!file.ends_with("_test.cc")) continue;
        INFO(advisory);
        const bool published = advisory.find_first_of("0123456789") != std::string::npos;
        if (published) CHECK(test.starts_with(advisory + ": "));
        CHECK_THAT(text_of(top / "tests/unit" / file), Catch::Contains("\"" + test + "\""));
        rows++;
    }
    CHECK(rows >= 34);
}

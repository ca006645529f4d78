// SPDX-License-Identifier: GPL-2.0-or-later
// The probes of ISC's EDNS compliance tester against a zone of ours: what a server must make of
// versions, options, flags, operations and counts that it does not know. Source: RFC 6891, RFC
// 1035.
#include <fstream>

#include "resolver/server/runner.h"
#include "resolver/server/stream_encode.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::resolver;
using test::Message;

namespace {

struct Opt {
    uint8_t version = 0;
    uint16_t flags = 0;  ///< DO is 0x8000
    std::vector<uint16_t> options = {};
    uint16_t size = 1232;
};

struct Probe {
    uint16_t type = dns::rr::kSoa;
    uint16_t flags = 0;  ///< of the header, opcode with them
    std::optional<Opt> opt = {};
    uint16_t questions = 1;

    Message message() const {
        Message space(4096);
        dns::MessageWriter writer(space);
        const dns::Question question{*dns::Name::parse("example.test"), type, dns::klass::kIn};
        for (unsigned i = 0; i < questions; i++) writer.question(question);
        Message options;
        if (opt) {
            const uint8_t cookie[] = {1, 2, 3, 4, 5, 6, 7, 8};
            for (const auto code : opt->options) {
                const bool is_cookie = code == dns::option::kCookie;
                dns::append_option(options, code, is_cookie ? dns::Bytes(cookie) : dns::Bytes());
            }
            writer.edns({.udp_size = opt->size, .version = opt->version, .options = options});
        }
        const auto written = writer.finish(7, flags);
        Message out(written.begin(), written.end());
        if (opt) {
            auto* const at = out.data() + out.size() - options.size() - 4;  // flags of OPT
            at[0] = static_cast<uint8_t>(opt->flags >> 8);
            at[1] = static_cast<uint8_t>(opt->flags);
        }
        return out;
    }
};

/// A server of the zone example.test, and what it answers, in a line.
struct Bench : Sink {
    test::TemporaryDirectory folder;
    run::Loop loop;
    Runner runner{loop, 0};
    std::string said;

    Bench() {
        std::ofstream zone(folder.file("zone"));
        zone << "$ORIGIN example.test.\n@ 60 SOA ns host 1 60 60 60 60\n@ 60 NS ns\nns 60 A "
                "192.0.2.1\n";
        for (int i = 0; i < 10; i++) zone << "@ 60 TXT " << i << std::string(100, 'x') << "\n";
        zone.close();
        auto config =
            load_config(fmt::format(". {{\n file {} example.test\n}}\n", folder.file("zone")), {});
        if (!config) FAIL(config.error().text);
        REQUIRE(runner.use(*config));
    }
    ~Bench() override { runner.shut_down(); }

    void deliver(Query& q) override {
        Message out(dns::kMaxMessage);
        out.resize(encode_for_stream(q, {}, out));
        REQUIRE(out.size() <= q.limit());
        said = told(out);
    }
    /// RCODE, flags, types of the answers, and of OPT: version, flags, options.
    static std::string told(const Message& answer) {
        dns::MessageReader reader(answer);
        const auto& header = reader.header();
        CHECK(header.has(dns::flag::kQr));
        uint16_t rcode = header.rcode();
        std::string flags, records, opt;
        for (const auto& [bit, name] : {std::pair{dns::flag::kAa, " aa"},
                                        {dns::flag::kTc, " tc"},
                                        {dns::flag::kRd, " rd"},
                                        {dns::flag::kRa, " ra"},
                                        {dns::flag::kZ, " z"},
                                        {dns::flag::kAd, " ad"},
                                        {dns::flag::kCd, " cd"}}) {
            if (header.has(bit)) flags += name;
        }
        while (const auto record = reader.record()) {
            if (record->type == dns::rr::kOpt) {
                const auto edns = dns::Edns::from(*record);
                rcode |= static_cast<uint16_t>(edns.extended_rcode << 4);
                opt = fmt::format("; EDNS {} {:04x} {} bytes", edns.version, record->ttl & 0xffff,
                                  edns.options.size());
            } else if (record->section == dns::Section::answer) {
                records += " " + dns::type_text(record->type);
            }
        }
        CHECK(reader.done());
        return dns::rcode_text(rcode) + flags + (records.empty() ? "" : ";" + records) + opt;
    }
    const std::string& ask(const Message& query, Proto proto) {
        said = "silence";
        Whence whence;
        whence.client = *net::Endpoint::parse("192.0.2.1:5000", 0);
        whence.proto = proto;
        runner.take(query, *this, &runner.active()->config->listeners.begin()->second, whence);
        return said;
    }
};

struct Row {
    const char* what;
    Probe probe;
    const char* answer;
};

constexpr uint16_t kDo = 0x8000;

}  // namespace

TEST_CASE("Probes of ISC's EDNS compliance tester", "[compliance]") {
    using dns::flag::kAd, dns::flag::kCd, dns::flag::kRd, dns::flag::kZ;
    const Row rows[] = {
        {"dns", {}, "NOERROR aa; SOA"},
        {"aa", {.flags = dns::flag::kAa}, "NOERROR aa; SOA"},
        {"ad", {.flags = kAd}, "NOERROR aa; SOA"},
        {"cd", {.flags = kCd}, "NOERROR aa cd; SOA"},
        {"ra", {.flags = dns::flag::kRa}, "NOERROR aa; SOA"},
        {"rd", {.flags = kRd}, "NOERROR aa rd; SOA"},
        {"tc", {.flags = dns::flag::kTc}, "NOERROR aa; SOA"},
        {"zflag", {.flags = kZ}, "NOERROR aa; SOA"},
        {"type666", {.type = 666}, "NOERROR aa"},
        {"type1000", {.type = 1000}, "NOERROR aa"},
        {"edns", {.opt = Opt{}}, "NOERROR aa; SOA; EDNS 0 0000 0 bytes"},
        {"do", {.opt = Opt{.flags = kDo}}, "NOERROR aa; SOA; EDNS 0 8000 0 bytes"},
        {"ednsflags", {.opt = Opt{.flags = 0x0080}}, "NOERROR aa; SOA; EDNS 0 0000 0 bytes"},
        {"ednsopt", {.opt = Opt{.options = {100}}}, "NOERROR aa; SOA; EDNS 0 0000 0 bytes"},
        {"edns1", {.opt = Opt{.version = 1}}, "BADVERS; EDNS 0 0000 0 bytes"},
        {"edns1opt", {.opt = Opt{.version = 1, .options = {100}}}, "BADVERS; EDNS 0 0000 0 bytes"},
        {"edns1do", {.opt = Opt{.version = 1, .flags = kDo}}, "BADVERS; EDNS 0 8000 0 bytes"},
        {"edns1flags", {.opt = Opt{.version = 1, .flags = 0x80}}, "BADVERS; EDNS 0 0000 0 bytes"},
        {"nsid, expire, cookie, padding",
         {.opt = Opt{.options = {3, 9, 10, 12}}},
         "NOERROR aa; SOA; EDNS 0 0000 0 bytes"},
        {"size 0", {.opt = Opt{.size = 0}}, "NOERROR aa; SOA; EDNS 0 0000 0 bytes"},
    };
    Bench bench;
    for (const auto proto : {Proto::udp, Proto::tcp}) {
        for (const auto& row : rows) {
            INFO(row.what);
            CHECK(bench.ask(row.probe.message(), proto) == row.answer);
        }
    }
}

TEST_CASE("Operations that are not known have no records and no flags but RD in their answer",
          "[compliance]") {
    Bench bench;
    for (uint16_t opcode = 1; opcode < 16; opcode++) {
        if (opcode == dns::opcode::kNotify) continue;
        INFO(opcode);
        const auto with_flags = static_cast<uint16_t>(opcode << 11 | 0x07b0);
        CHECK(bench.ask({Probe{.flags = static_cast<uint16_t>(opcode << 11)}.message()},
                        Proto::udp) == "NOTIMP");
        CHECK(bench.ask({Probe{.flags = with_flags}.message()}, Proto::udp) == "NOTIMP rd");
    }
}

TEST_CASE("Counts that no question has are refused", "[compliance]") {
    Bench bench;
    CHECK(bench.ask(Probe{.questions = 0}.message(), Proto::udp) == "FORMERR");
    CHECK(bench.ask(Probe{.questions = 2}.message(), Proto::udp) == "FORMERR");
    for (const size_t count : {7U, 9U}) {  // answers, authorities
        auto query = Probe{}.message();
        query[count] = 2;
        CHECK(bench.ask(query, Proto::udp) == "FORMERR");
    }
    auto query = Probe{}.message();
    query[11] = 1;  // an additional record that is not there
    CHECK(bench.ask(query, Proto::udp) == "FORMERR");
}

TEST_CASE("Answers that are too large over UDP are cut, with OPT", "[compliance]") {
    Bench bench;
    const Probe large{.type = dns::rr::kTxt, .opt = Opt{.flags = kDo, .size = 512}};
    const auto& cut = bench.ask(large.message(), Proto::udp);
    CHECK(cut.substr(0, 13) == "NOERROR aa tc");
    CHECK(cut.find("; EDNS 0 8000") != std::string::npos);
    CHECK(bench.ask(Probe{.type = dns::rr::kTxt}.message(), Proto::udp).substr(0, 13) ==
          "NOERROR aa tc");
    const auto& whole = bench.ask(large.message(), Proto::tcp);
    CHECK(whole == "NOERROR aa; TXT TXT TXT TXT TXT TXT TXT TXT TXT TXT; EDNS 0 8000 0 bytes");
}

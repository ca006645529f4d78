// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin forward towards its upstreams: what is asked once, forged answers, TLS, who is faster.
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "common/tls/session.h"
#include "resolver/plugins/forward/exchange.h"
#include "resolver/server/http.h"
#include "unit/certificates.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::test;
namespace fwd = ipref::resolver::forward;

namespace {

using Messages = std::vector<Message>;

Messages says(const Asked& asked, const std::string& ip = "192.0.2.1") {
    return {reply_to(asked.wire, 0, {asked.question.name.str() + " 60 IN A " + ip})};
}
Messages nothing(const Asked&) {
    return {};
}

std::string block(const std::string& arguments, const std::string& options = "") {
    return ".:53 {\n forward " + arguments + " {\n" + options + "\n }\n}\n";
}

/// A DNS server over TLS or HTTPS in the test's loop: one message at a time.
class TlsDns {
  public:
    TlsDns(run::Loop& loop, const tls::Context& context, bool https = false)
        : loop_(loop), context_(context), https_(https) {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        at_ = *net::Endpoint::parse("127.0.0.1:0", 0);
        sockaddr_storage address;
        socklen_t size = at_.to(address);
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(bind(fd_, raw, size) == 0);
        REQUIRE(listen(fd_, 8) == 0);
        size = sizeof address;
        REQUIRE(getsockname(fd_, raw, &size) == 0);
        at_ = net::Endpoint::from(raw);
        poll_ = std::make_unique<run::Poll>(loop, fd_, [this](int) { accept(); });
        poll_->start(UV_READABLE);
    }
    ~TlsDns() {
        hang_up();
        poll_.reset();
        close(fd_);
    }
    void hang_up() { peers_.clear(); }
    std::string at() const { return (https_ ? "https://" : "tls://") + at_.str(); }
    resolver::HttpAnswer with;  ///< of HTTPS: status and type
    std::string path;           ///< that was asked for last
    size_t connections = 0;
    size_t queries = 0;

  private:
    struct Peer {
        Peer(int with, tls::Session the_session) : fd(with), session(std::move(the_session)) {}
        ~Peer() {
            poll.reset();
            close(fd);
        }
        int fd;
        tls::Session session;
        Message in;
        std::unique_ptr<resolver::HttpSession> http;
        std::unique_ptr<run::Poll> poll;
    };

    void accept() {
        const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        connections++;
        auto& peer = *peers_.emplace_back(
            std::make_unique<Peer>(fd, tls::Session::server(context_, {https_ ? "h2" : "dot"})));
        if (https_) {
            peer.http = resolver::make_http2(
                [this, &peer](resolver::HttpRequest&& request) { answer(peer, request); }, {});
        }
        peer.poll = std::make_unique<run::Poll>(loop_, fd, [this, &peer](int) { read(peer); });
        peer.poll->start(UV_READABLE);
    }
    void read(Peer& peer) {
        std::array<uint8_t, 65536> space;
        const auto got = recv(peer.fd, space.data(), space.size(), 0);
        const bool fine =
            got > 0 && peer.session.received(std::span(space).first(static_cast<size_t>(got)));
        const auto plain = peer.session.take_plain();
        if (https_) {
            REQUIRE(peer.http->received(plain));
            const auto said = peer.http->take_output(65536);
            if (!said.empty()) REQUIRE(peer.session.send(said));
        } else {
            peer.in.insert(peer.in.end(), plain.begin(), plain.end());
            if (peer.in.size() > 2) answer(peer);
        }
        const auto out = peer.session.take_cipher();
        if (!out.empty()) send(peer.fd, out.data(), out.size(), MSG_NOSIGNAL);
        if (!fine) peers_.remove_if([&](const auto& one) { return one.get() == &peer; });
    }
    void answer(Peer& peer) {
        const Message query(peer.in.begin() + 2, peer.in.end());
        peer.in.clear();
        queries++;
        auto reply = reply_to(query, 0, {"a.test. 60 IN A 192.0.2.9"});
        const Message length = {static_cast<uint8_t>(reply.size() >> 8),
                                static_cast<uint8_t>(reply.size())};
        reply.insert(reply.begin(), length.begin(), length.end());
        REQUIRE(peer.session.send(reply));
    }

    void answer(Peer& peer, const resolver::HttpRequest& request) {
        queries++;
        path = request.target;
        CHECK(request.method == "POST");
        CHECK(request.type == "application/dns-message");
        auto back = with;
        back.body = reply_to(request.body, 0, {"a.test. 60 IN A 192.0.2.9"});
        peer.http->answer(request.stream, std::move(back));
    }

    run::Loop& loop_;
    tls::Context context_;
    bool https_;
    net::Endpoint at_;
    int fd_ = -1;
    std::unique_ptr<run::Poll> poll_;
    std::list<std::unique_ptr<Peer>> peers_;
};

/// An authority and a certificate for dns.example that it signed.
struct Pki {
    Pki() {
        authority.issue(directory.file("server"), "DNS:dns.example");
        authority.write(directory.file("ca.pem"));
        context.emplace(*tls::Context::server(
            {directory.file("server.pem"), directory.file("server.key"), {}, {}}));
    }
    std::string tls() const { return "tls " + directory.file("ca.pem"); }
    TemporaryDirectory directory;
    Authority authority;
    std::optional<tls::Context> context;
};

}  // namespace

TEST_CASE("CVE-2023-30464: one question is asked once at a time, in whatever case",
          "[forward][advisory]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, nothing);
    bench.open(block(". " + upstream.at().str()));
    std::vector<Answered*> all;
    for (const auto* name : {"www.test", "WWW.test", "wWw.TEST"}) {
        for (int i = 0; i < 10; i++) all.push_back(&bench.ask(name, dns::rr::kA));
    }
    auto& other = bench.ask("www.test", dns::rr::kAaaa);
    run_until(bench.loop, [&] { return upstream.asked().size() >= 2; });
    upstream.script([](const Asked& asked) { return says(asked); });
    bench.get("late.test", dns::rr::kA);  // what was under way has come by now
    CHECK(upstream.asked().size() == 3);
    bench.close();
    for (const auto* answered : all) CHECK(answered->rcode == "SERVFAIL");
    CHECK(other.rcode == "SERVFAIL");
}

TEST_CASE("CVE-2023-30464: one question in many forms is hardly asked over UDP more than once",
          "[forward][advisory]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, nothing);
    bench.open(block(". " + upstream.at().str()));
    const auto in_form = [](unsigned form) {
        Message options;
        const uint8_t data[] = {static_cast<uint8_t>(form)};
        dns::append_option(options, 65001, data);
        Message space(512);
        dns::MessageWriter writer(space);
        writer.question({*dns::Name::parse("www.test"), dns::rr::kA, dns::klass::kIn});
        writer.edns({.udp_size = 1232, .options = options});
        const auto query = writer.finish(static_cast<uint16_t>(form), dns::flag::kRd);
        return Message(query.begin(), query.end());
    };
    constexpr unsigned kForms = 40;
    for (unsigned form = 1; form <= kForms; form++) bench.ask(in_form(form));
    run_until(bench.loop, [&] { return upstream.asked().size() == kForms; });
    const auto over_udp = [&] {
        return std::ranges::count_if(upstream.asked(), [](const auto& one) { return !one.tcp; });
    };
    CHECK(over_udp() == 4);
    // What is over no longer counts.
    ResolverBench later;
    ScriptedDns answering(later.loop, [](const Asked& asked) { return says(asked); });
    later.open(block(". " + answering.at().str()));
    for (unsigned form = 1; form <= kForms; form++) {
        CHECK(later.get(in_form(form)).rcode == "NOERROR");
    }
    CHECK(std::ranges::none_of(answering.asked(), [](const auto& one) { return one.tcp; }));
}

TEST_CASE("all who asked the same get the answer, each its own id and case", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    bench.open(block(". " + upstream.at().str()));
    auto& one = bench.ask("www.test", dns::rr::kA);
    auto& other = bench.ask("WWW.test", dns::rr::kA);
    run_until(bench.loop, [&] { return one.done && other.done; });
    CHECK(upstream.asked().size() == 1);
    CHECK(one.question == "www.test.");
    CHECK(other.question == "WWW.test.");
    CHECK(one.header.id != other.header.id);
    CHECK(other.answer == std::vector<std::string>{"WWW.test. 60 IN A 192.0.2.1"});
}

TEST_CASE("CVE-2023-28452: wrong answers do not end the wait, and many of them lead to TCP",
          "[forward][advisory]") {
    ResolverBench bench;
    const auto wrong_id = [](const Asked& asked) {
        auto reply = says(asked, "192.0.2.66").front();
        reply[1] ^= 0xff;
        return reply;
    };
    ScriptedDns upstream(bench.loop, nothing);
    bench.open(block(". " + upstream.at().str()));
    upstream.script([&](const Asked& asked) {  // a mismatch aborted the wait
        return Messages{wrong_id(asked), says(asked).front()};
    });
    CHECK(bench.get("a.test", dns::rr::kA).answer.front() == "a.test. 60 IN A 192.0.2.1");
    CHECK(upstream.connections() == 0);
    upstream.script([&](const Asked& asked) {
        if (asked.tcp) return says(asked);
        return Messages(100, wrong_id(asked));
    });
    CHECK(bench.get("b.test", dns::rr::kA).answer.front() == "b.test. 60 IN A 192.0.2.1");
    CHECK(upstream.connections() == 1);
}

TEST_CASE("CVE-2019-19794: ids and ports upstream cannot be told from earlier ones",
          "[forward][advisory]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    bench.open(block(". " + upstream.at().str()));
    std::set<uint16_t> ids, ports;
    for (int i = 0; i < 16; i++) {
        bench.get(fmt::format("n{}.test", i), dns::rr::kA);
        ids.insert(upstream.asked().back().header.id);
        ports.insert(upstream.asked().back().from.port);
    }
    CHECK(ids.size() > 8);
    CHECK(ports.size() > 8);
}

TEST_CASE("names in random case, and back as they were", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    bench.open(block(". " + upstream.at().str(), "mix_case"));
    const std::string name = "a-name-with-many-letters-in-it.test.";
    std::set<std::string> spelled;
    for (int i = 0; i < 8; i++) {
        const auto& got = bench.get(name, dns::rr::kA);
        CHECK(got.question == name);
        CHECK(got.answer == std::vector<std::string>{name + " 60 IN A 192.0.2.1"});
        spelled.insert(upstream.asked().back().question.name.str());
    }
    CHECK(spelled.size() > 4);
    CHECK(upstream.connections() == 0);
}

TEST_CASE("a server that changes the case is asked over TCP, then without", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) {
        auto query = asked.wire;
        for (size_t i = dns::kHeaderSize; i < query.size(); i++)
            query[i] = dns::lower_byte(query[i]);
        return Messages{reply_to(query, 0, {asked.question.name.str() + " 60 IN A 192.0.2.1"})};
    });
    bench.open(block(". " + upstream.at().str(), "mix_case"));
    for (int i = 0; i < 6; i++) {
        CHECK(bench.get(fmt::format("a-long-name-with-letters-{}.test", i), dns::rr::kA, false)
                  .rcode == "NOERROR");
    }
    CHECK(upstream.connections() == 1);  // kept
    CHECK_FALSE(upstream.asked().back().tcp);
    size_t tcp = 0;
    for (const auto& asked : upstream.asked()) tcp += asked.tcp ? 1 : 0;
    CHECK(tcp == dns::Upstream::kCaseChanges);
}

TEST_CASE("over TLS: verified, kept, and opened anew", "[forward][tls]") {
    const Pki pki;
    ResolverBench bench;
    TlsDns server(bench.loop, *pki.context);
    bench.open(block(". " + server.at(), pki.tls() + "\ntls_servername dns.example"));
    for (int i = 0; i < 3; i++) {
        const auto& got = bench.get("a.test", dns::rr::kA);
        CHECK(got.answer == std::vector<std::string>{"a.test. 60 IN A 192.0.2.9"});
    }
    CHECK(server.queries == 3);
    CHECK(server.connections == 1);
    server.hang_up();
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
    CHECK(server.connections == 2);
}

TEST_CASE("over HTTPS: verified, kept, and opened anew", "[forward][tls]") {
    const Pki pki;
    ResolverBench bench;
    TlsDns server(bench.loop, *pki.context, true);
    server.with.type = "application/dns-message";
    bench.open(block(". " + server.at() + "/ask?me", pki.tls() + "\ntls_servername dns.example"));
    for (int i = 0; i < 3; i++) {
        const auto& got = bench.get("a.test", dns::rr::kA);
        CHECK(got.answer == std::vector<std::string>{"a.test. 60 IN A 192.0.2.9"});
    }
    CHECK(server.path == "/ask?me");
    CHECK(server.queries == 3);
    CHECK(server.connections == 1);
    server.hang_up();
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
    CHECK(server.connections == 2);
}

TEST_CASE("what is no answer of DoH is named", "[forward][tls]") {
    const Pki pki;
    ResolverBench bench;
    TlsDns server(bench.loop, *pki.context, true);
    bench.open(block(". " + server.at() + "%dns.example", pki.tls()));
    bench.get("a.test", dns::rr::kA);
    CHECK_THAT(bench.get("a.test", dns::rr::kA).info, Catch::Contains("of type \"text/plain\""));
    server.with.type = "application/dns-message";
    server.with.status = 503;
    CHECK_THAT(bench.get("a.test", dns::rr::kA).info, Catch::Contains("HTTP status 503"));
    server.with.status = 200;
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
    CHECK(server.path == "/dns-query");
}

TEST_CASE("a server with another name or signer gets no query", "[forward][tls]") {
    const Pki pki;
    const Pki stranger;
    for (const bool other_name : {true, false}) {
        ResolverBench bench;
        TlsDns server(bench.loop, *pki.context);
        bench.open(block(". " + server.at(),
                         other_name ? pki.tls() + "\ntls_servername other.example"
                                    : stranger.tls() + "\ntls_servername dns.example"));
        CHECK(bench.get("a.test", dns::rr::kA).rcode == "SERVFAIL");
        CHECK(server.queries == 0);
    }
}

TEST_CASE("policy fastest: a second one is asked when the first takes long", "[forward]") {
    ResolverBench bench;
    ScriptedDns one(bench.loop, [](const Asked& asked) { return says(asked); });
    ScriptedDns other(bench.loop, [](const Asked& asked) { return says(asked, "192.0.2.2"); });
    bench.open(block(". " + one.at().str() + " " + other.at().str(), "policy fastest"));
    for (int i = 0; i < 40; i++) bench.get(fmt::format("n{}.test", i), dns::rr::kA);
    const bool first = one.asked().size() > other.asked().size();
    ScriptedDns& usual = first ? one : other;
    usual.script(nothing);
    const auto& got = bench.get("slow.test", dns::rr::kA);
    CHECK(got.answer ==
          std::vector<std::string>{fmt::format("slow.test. 60 IN A 192.0.2.{}", first ? 2 : 1)});
    CHECK(bench.runner.in_flight() == 0);
}

TEST_CASE("policy fastest puts the quick in front", "[forward]") {
    run::Loop loop;
    fwd::UpstreamsOptions options;
    for (unsigned i = 1; i <= 3; i++) {
        options.to.push_back({{net::Ip::v4(0x7f000000U + i), 9}, false, {}});
    }
    options.policy = fwd::Policy::fastest;
    fwd::Upstreams upstreams(loop, options);
    using std::chrono::milliseconds;
    for (int i = 0; i < 10; i++) {
        upstreams.answered(0, 0, milliseconds(50));
        upstreams.answered(1, 0, milliseconds(10));
        upstreams.answered(2, 0, milliseconds(20));
    }
    std::array<size_t, 3> first{};
    for (int i = 0; i < 400; i++) first[upstreams.order().front()]++;
    CHECK(first[1] > 300);
    // Looked at now and then: once in 96, so that 400 do without in one run of 70.
    for (int i = 0; i < 10'000 && first[0] == 0; i++) first[upstreams.order().front()]++;
    CHECK(first[0] > 0);
    CHECK(*upstreams.hedge_after(1) < *upstreams.hedge_after(0));
    for (int i = 0; i < 10; i++) upstreams.silent(1, milliseconds(500));
    first = {};
    for (int i = 0; i < 400; i++) first[upstreams.order().front()]++;
    CHECK(first[2] > 300);
}

TEST_CASE("a connection that nobody uses is closed when it expires", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    bench.open(block(". " + upstream.at().str(), "force_tcp\nexpire 1h"));
    for (int i = 0; i < 3; i++) bench.get("a.test", dns::rr::kA);
    CHECK(upstream.connections() == 1);
    bench.open(block(". " + upstream.at().str(), "force_tcp\nexpire 1ms"));
    bench.get("a.test", dns::rr::kA);
    while (upstream.connections() < 3) {
        run::Timer pause(bench.loop, [] {});
        pause.start(run::Milliseconds(20));
        run_until(bench.loop, [&] { return !pause.active(); });
        bench.get("a.test", dns::rr::kA);
    }
}

TEST_CASE("an upstream that does not answer is probed as the Corefile says", "[forward]") {
    const auto probed = [](const std::string& options) {
        ResolverBench bench;
        std::string probe;
        ScriptedDns silent(bench.loop, [&](const Asked& asked) {
            const auto* flag = asked.header.has(dns::flag::kRd) ? " rd" : " no rd";
            if (asked.question.type == dns::rr::kNs) probe = asked.question.name.str() + flag;
            return Messages{};
        });
        bench.open(block(". " + silent.at().str(), "read_timeout 20ms\n" + options));
        bench.ask("a.test", dns::rr::kA);
        run_until(bench.loop, [&] { return !probe.empty(); });
        return probe;
    };
    CHECK(probed("health_check 20ms") == ". rd");
    CHECK(probed("health_check 20ms no_rec domain probe.test") == "probe.test. no rd");
}

TEST_CASE("an upstream is given the time that the Corefile says", "[forward]") {
    ResolverBench bench;
    ScriptedDns silent(bench.loop, nothing);
    ScriptedDns good(bench.loop, [](const Asked& asked) { return says(asked); });
    const auto asked_both = [&](const std::string& time) {
        bench.open(block(". " + silent.at().str() + " " + good.at().str(),
                         "policy sequential\nread_timeout " + time));
        const auto before = good.asked().size();
        auto& got = bench.ask("a.test", dns::rr::kA);
        run_until(bench.loop, [&] { return got.done; });
        return got.rcode == "NOERROR" && good.asked().size() > before;
    };
    CHECK(asked_both("10ms"));
    // Longer than the query has in all: nobody else gets a chance.
    CHECK_FALSE(asked_both("1h"));
}

TEST_CASE("an upstream with max_fails 0 is never down", "[forward]") {
    ResolverBench bench;
    size_t probes = 0;
    ScriptedDns silent(bench.loop, [&](const Asked& asked) {
        if (asked.question.type == dns::rr::kNs) probes++;
        return Messages{};
    });
    bench.open(block(". " + silent.at().str(),
                     "max_fails 0\nhealth_check 10ms\nread_timeout 20ms\n"
                     "failfast_all_unhealthy_upstreams"));
    bench.ask("a.test", dns::rr::kA);
    run_until(bench.loop, [&] { return silent.asked().size() >= 10; });
    CHECK(probes == 0);
}

TEST_CASE("files of forward are below root", "[forward]") {
    const TemporaryDirectory directory;
    std::ofstream(directory.file("servers")) << "nameserver 192.0.2.7\n";
    const auto config = resolver::load_config(
        ". {\n root " + directory.path().string() + "\n forward . servers\n}\n", {});
    REQUIRE(config);
    CHECK((*config)->blocks[0]->chain.at(0).explain() == "zone . to 192.0.2.7:53");
}

TEST_CASE("a query comes from the source address", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    bench.open(block(". " + upstream.at().str(), "source_address 127.0.0.77"));
    CHECK(bench.get("a.test", dns::rr::kA).rcode == "NOERROR");
    CHECK(upstream.asked().front().from.ip.str() == "127.0.0.77");
}

TEST_CASE("forward's numbers", "[forward]") {
    ResolverBench bench;
    ScriptedDns upstream(bench.loop, [](const Asked& asked) { return says(asked); });
    const auto to = upstream.at().str();
    bench.open(block(". " + to, "force_tcp\nmax_concurrent 1"));
    auto& first = bench.ask("a.test", dns::rr::kA);
    CHECK(bench.get("b.test", dns::rr::kA).rcode == "REFUSED");
    run_until(bench.loop, [&] { return first.done; });
    bench.get("c.test", dns::rr::kA);
    const auto text = bench.runner.active()->config->metrics->text();
    const std::string labels = "{proxy_name=\"forward\",to=\"" + to + "\"";
    CHECK_THAT(text, Catch::Contains("coredns_forward_max_concurrent_rejects_total 1") &&
                         Catch::Contains("coredns_proxy_request_duration_seconds_count" + labels +
                                         ",rcode=\"NOERROR\"} 2") &&
                         Catch::Contains("coredns_proxy_conn_cache_hits_total" + labels +
                                         ",proto=\"tcp\"} 1") &&
                         Catch::Contains("coredns_proxy_conn_cache_misses_total" + labels +
                                         ",proto=\"tcp\"} 1"));
}

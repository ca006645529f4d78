// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/log/format.h"

#include "resolver/plugins/bind/bind.h"
#include "resolver/server/runner.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

using Act = std::function<Step(Query&)>;

/// Looks at the query on its way back.
class Probe final : public Handler {
  public:
    explicit Probe(Act look) : look_(std::move(look)) {}
    std::string_view name() const override { return "probe"; }
    Step handle(Query&) override { return Step::watch; }
    Step answered(Query& q) override { return look_(q); }

  private:
    Act look_;
};

class Answers final : public Handler {
  public:
    explicit Answers(Act act) : act_(std::move(act)) {}
    std::string_view name() const override { return "answers"; }
    Step handle(Query& q) override { return act_(q); }

  private:
    Act act_;
};

struct Nowhere final : Sink {
    void deliver(Query&) override {}
};

/// One question, answered by `act` and looked at by `look`.
void with_query(const Act& act, const std::function<void(Query&)>& look,
                const char* client = "192.0.2.7:5000") {
    run::Loop loop;
    Runner runner(loop, 0);
    auto config = std::make_shared<Config>();
    auto& block = *config->blocks.emplace_back(std::make_unique<Block>());
    block.has_plugins = true;
    config->listeners[{}].add(Name(), block);
    block.chain.add(std::make_unique<Probe>([&](Query& q) {
        look(q);
        return Step::done;
    }));
    block.chain.add(std::make_unique<Answers>(act));
    REQUIRE(runner.use(config));
    Nowhere sink;
    Whence whence;
    whence.client = *net::Endpoint::parse(client, 0);
    whence.local = *net::Endpoint::parse("192.0.2.53:53", 0);
    whence.proto = Proto::udp;
    runner.take(test::query_for("A.Test", dns::rr::kA, 77, true), sink,
                &config->listeners.begin()->second, whence);
    runner.let_go();
}

std::string line(std::string_view format, const Act& act, const char* client = "192.0.2.7:5000") {
    std::string out;
    with_query(
        act, [&](Query& q) { out = LogFormat(format).line(q); }, client);
    return out;
}

Step empty(Query& q) {
    q.reply.aa = true;
    return Step::done;
}
Step fails(Query& q) {
    return q.failed(dns::rcode::kServFail, "broken");
}

}  // namespace

TEST_CASE("Log lines as CoreDNS writes them", "[log]") {
    const auto common = line(kCommonLogFormat, empty);
    CHECK_THAT(common,
               Catch::Matchers::StartsWith("192.0.2.7:5000 - 77 \"A IN a.test. udp 35 false "
                                           "1232\" NOERROR qr,aa,rd 24 "));
    CHECK(common.ends_with("s"));
    CHECK(line("{combined}", empty).ends_with("s \"0\""));
    // Nothing was written by the plugins: no rcode, no flags, no size.
    CHECK_THAT(line("{rcode} {>rflags} {rsize}", fails), Catch::Matchers::Equals("- - 0"));
}

TEST_CASE("Placeholders of log lines", "[log]") {
    CHECK(line("{remote}|{local}|{port}", empty) == "192.0.2.7|192.0.2.53|5000");
    CHECK(line("{remote}:{port}", empty, "[2001:db8::1]:9") == "[2001:db8::1]:9");
    CHECK(line("{>do} {>id} {>opcode} {size}", empty) == "false 77 0 35");
    CHECK(line("a {bogus} { {type} {/forward/upstream} {", empty) == "a {bogus} { A - {");
    CHECK(line("{common} x", empty).find("udp 35") != std::string::npos);
}

TEST_CASE("Classes of answers", "[log]") {
    static const uint8_t name[] = {0};
    const auto class_after = [](const Act& act) {
        LogClass out{};
        with_query(act, [&](Query& q) { out = class_of(q); });
        return out;
    };
    CHECK(class_after(fails) == LogClass::error);
    CHECK(class_after([](Query& q) {
              q.reply.rcode = dns::rcode::kNxDomain;
              return Step::done;
          }) == LogClass::denial);
    CHECK(class_after([](Query& q) {
              q.reply.rcode = dns::rcode::kServFail;
              return Step::done;
          }) == LogClass::error);
    CHECK(class_after([](Query& q) {
              q.reply.authority.push_back({.owner = name, .type = dns::rr::kSoa, .rdata = {}});
              return Step::done;
          }) == LogClass::denial);
    CHECK(class_after([](Query& q) {
              q.reply.authority.push_back({.owner = name, .type = dns::rr::kNs, .rdata = {}});
              return Step::done;
          }) == LogClass::success);
    CHECK(class_after([](Query& q) {
              q.reply.answer.push_back({.owner = name, .type = dns::rr::kA, .rdata = {}});
              return Step::done;
          }) == LogClass::success);
}

TEST_CASE("Words of bind: addresses, interfaces, exceptions", "[bind]") {
    const auto ip = [](const char* text) { return *net::Ip::parse(text); };
    const std::vector<InterfaceAddress> machine = {{"lo", ip("127.0.0.1")},
                                                   {"lo", ip("::1")},
                                                   {"eth0", ip("192.0.2.1")},
                                                   {"eth0", ip("fe80::1")},
                                                   {"eth0", ip("2001:db8::1")}};
    using Ips = std::vector<net::Ip>;
    CHECK(bind_addresses({"lo", "192.0.2.1"}, {}, machine).value() ==
          Ips{ip("127.0.0.1"), ip("::1"), ip("192.0.2.1")});
    CHECK(bind_addresses({"eth0"}, {}, machine).value() == Ips{ip("192.0.2.1"), ip("2001:db8::1")});
    CHECK(bind_addresses({"lo", "eth0"}, {"::1", "eth0"}, machine).value() == Ips{ip("127.0.0.1")});
    CHECK(bind_addresses({"lo", "127.0.0.1"}, {}, machine).value().size() == 2);
    CHECK(
        bind_addresses({"eth1"}, {}, machine).error().text ==
        "not a valid IP address or interface name: \"eth1\"; interfaces with addresses: eth0, lo");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The whole agent in one loop with a DNS server and a gateway's mapper socket.
#include "dns-agent/agent.h"

#include <fstream>

#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"
#include "unit/common/mapper/scripted_mapper.h"
#include "unit/dns-agent/dns_messages.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::test;

namespace {

/// Serves the transfer of example.com and the addresses that it needs.
std::vector<Message> serve(const Asked& asked) {
    if (asked.question.type != dns::rr::kAxfr) {
        const auto& name = asked.question.name.str();
        const char* record = name == "web.internal." ? "web.internal. 300 IN A 10.1.0.33"
                                                     : "gw.example.com. 300 IN A 203.0.113.1";
        return {reply_to(asked.wire, dns::flag::kAa, {record})};
    }
    const auto soa = soa_record("example.com", 7);
    const AxfrMessage zone{
        .records = {soa, txt_record("web.example.com", "AA gw.example.com + 1033"), soa},
        .id = asked.header.id};
    const auto bytes = zone.bytes();
    return {Message(bytes.begin() + 2, bytes.end())};
}

agent::Options options_for(const std::string& mapper, const net::Endpoint& dns) {
    return agent::parse_options({"-m", mapper, "-resolver", dns.str(),
                                 "internal:example.com:localhost:" + std::to_string(dns.port)})
        .value();
}

void check_hosts(const std::vector<wire::Host>& hosts) {
    REQUIRE(hosts.size() == 1);
    CHECK(hosts[0].ip.str() == "10.1.0.33");
    CHECK(hosts[0].ipref.str() == "203.0.113.1 + 1033");
}

}  // namespace

TEST_CASE("from the zone to the gateway, and again after its restart", "[agent]") {
    run::Loop loop;
    ScriptedDns dns(loop, [](const Asked& asked) -> std::vector<Message> {
        if (asked.question.name.str() == "localhost.") {
            if (asked.question.type != dns::rr::kA) return {reply_to(asked.wire, 0, {})};
            return {reply_to(asked.wire, 0, {"localhost. 300 IN A 127.0.0.1"})};
        }
        return serve(asked);
    });
    const TemporaryDirectory directory;
    std::vector<wire::Host> hosts;
    size_t reports = 0;
    auto script = speaks_protobuf([&](ScriptedMapper& mapper, const proto::Frame& frame) {
        if (frame.has_source_report()) {  // an older gateway does not know it
            reports++;
            proto::Frame refusal;
            refusal.set_id(frame.id());
            refusal.mutable_failure()->set_code(proto::Failure::BAD_REQUEST);
            return mapper.send(refusal);
        }
        for (const auto& host : frame.host_data().add()) {
            hosts.push_back(wire::host_from(host).value());
        }
        CHECK(frame.host_data().local_domain() == "internal");
        CHECK(frame.host_data().public_domain() == "example.com");
        proto::Frame answer;
        answer.set_id(frame.id());
        answer.mutable_ack();
        mapper.send(answer);
    });
    const auto path = directory.file("mapper.sock");
    auto mapper = std::make_unique<ScriptedMapper>(loop, path, script);
    auto agent = agent::Agent::make(loop, options_for(path, dns.at()));
    REQUIRE(agent);
    (*agent)->start();
    run_until(loop, [&] { return !hosts.empty(); });
    check_hosts(hosts);

    hosts.clear();
    mapper.reset();
    mapper = std::make_unique<ScriptedMapper>(loop, path, script);
    run_until(loop, [&] { return !hosts.empty(); });
    check_hosts(hosts);
    CHECK(reports > 0);
}

TEST_CASE("from the zone to a gateway that knows only V1", "[agent]") {
    run::Loop loop;
    ScriptedDns dns(loop, serve);
    const TemporaryDirectory directory;
    const auto path = directory.file("mapper.sock");
    std::vector<wire::Host> hosts;
    ScriptedMapper mapper(loop, path,
                          speaks_v1([&](ScriptedMapper& to, const wire::V1Packet& packet) {
                              const auto& data = std::get<wire::V1HostData>(packet.body);
                              for (const auto& one : data.records) {
                                  hosts.push_back({one.ip, one.ipref});
                              }
                              auto answer = packet;
                              answer.mode = wire::V1Mode::ack;
                              to.send(wire::build_v1(answer).value());
                          }));
    auto options = options_for(path, dns.at());
    options.sources[0].servers[0].host = "127.0.0.1";
    auto agent = agent::Agent::make(loop, options);
    REQUIRE(agent);
    (*agent)->start();
    run_until(loop, [&] { return !hosts.empty(); });
    check_hosts(hosts);
}

TEST_CASE(
    "the file of sources is followed: new ones published, mistakes ignored, gone ones withdrawn",
    "[agent]") {
    run::Loop loop;
    ScriptedDns dns(loop, serve);
    const TemporaryDirectory directory;
    const auto write = [&](const std::string& text) {
        std::ofstream(directory.file("sources")) << text;
    };
    std::vector<wire::Host> hosts;
    std::vector<std::string> withdrawn;
    const auto path = directory.file("mapper.sock");
    ScriptedMapper mapper(loop, path,
                          speaks_protobuf([&](ScriptedMapper& to, const proto::Frame& frame) {
                              for (const auto& host : frame.host_data().add()) {
                                  hosts.push_back(wire::host_from(host).value());
                              }
                              if (frame.has_withdraw())
                                  withdrawn.push_back(frame.withdraw().public_domain());
                              proto::Frame answer;
                              answer.set_id(frame.id());
                              answer.mutable_ack();
                              to.send(answer);
                          }));
    write("# none yet\n");
    const auto options = agent::parse_options(
        {"-m", path, "-resolver", dns.at().str(), "-sources", directory.file("sources")});
    REQUIRE(options);
    auto agent = agent::Agent::make(loop, *options);
    REQUIRE(agent);
    (*agent)->start();
    const auto source = "internal:example.com:" + dns.at().str();
    write("# ours\n\n  " + source + "  # published\n");
    run_until(loop, [&] { return !hosts.empty(); });  // its change was noticed
    check_hosts(hosts);

    const auto asked = dns.asked().size();
    write(source + "\nnonsense\n");
    (*agent)->reload();
    CHECK(withdrawn.empty());
    write(source + "\n");
    (*agent)->reload();
    CHECK(dns.asked().size() == asked);  // one that stays is left alone

    write("");
    (*agent)->reload();
    run_until(loop, [&] { return !withdrawn.empty(); });
    CHECK(withdrawn == std::vector<std::string>{"example.com"});
    write(source + "\n");
    hosts.clear();
    (*agent)->reload();
    run_until(loop, [&] { return !hosts.empty(); });  // and may come back
    check_hosts(hosts);
}

TEST_CASE("a metrics address that cannot be had ends the start", "[agent]") {
    run::Loop loop;
    auto options = agent::parse_options({"-devmode", "-metrics", "192.0.2.1:9"}).value();
    const auto agent = agent::Agent::make(loop, options);
    REQUIRE_FALSE(agent);
    CHECK(agent.error().text.find("192.0.2.1") != std::string::npos);
}

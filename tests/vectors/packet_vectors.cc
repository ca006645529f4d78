// SPDX-License-Identifier: GPL-2.0-or-later
// packet-vectors FILE...: replays recorded packets through encap() and decap(), as the data path
// does. JSON lines: {"type":"config"} describes a gateway, {"type":"packet"} is one case of it:
// packets `in`, a verdict, packets `out`. The identification of an IPv4 ICMP error that the
// gateway makes is random: compared as zero. Prints one line for each case that differs.
// Exit 0: all passed, 1: some did not, 2: a file cannot be used.
#include <algorithm>
#include <map>
#include <memory>

#include "common/net/checksum.h"
#include "gw/datapath/translate/icmp_error.h"
#include "gw/datapath/translate/translate.h"
#include "vectors/recorded_gateway.h"
#include "vectors/vector_file.h"

namespace {

using namespace ipref;
using namespace ipref::test;

/// What came out for all packets of a case.
struct Outcome {
    std::string verdict = "drop";
    std::string to;
    std::vector<ByteVector> out;

    std::string str() const {
        std::string text = verdict + (to.empty() ? "" : " to " + to);
        for (const auto& packet : out) text += " " + to_hex(packet);
        return text;
    }
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

ByteVector vector_of(gw::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

/// Identification and header checksum out of an IPv4 packet, whose checksum must have been right.
void clear_identification(ByteVector& packet) {
    if (packet.size() < 20 || packet[0] >> 4 != 4) return;
    if (net::Checksum().add(std::span(packet).first(20)).field() != 0) packet.clear();
    for (const size_t at : {4, 5, 10, 11}) {
        if (at < packet.size()) packet[at] = 0;
    }
}

class Case {
  public:
    Case(const Json& line, RecordedGateway& gateway)
        : gateway_(gateway), encap_(line.at("op") == "encap"), settings_(gateway.settings) {
        if (!encap_ && line.at("op") != "deencap") throw std::runtime_error("unknown op");
        settings_.dec_ttl = line.at("name").get<std::string>().starts_with("dec-ttl");
    }

    Outcome run(const Json& packets) {
        for (const auto& packet : packets) one(from_hex(packet.get<std::string>()));
        return outcome_;
    }

  private:
    void one(const ByteVector& in) {
        ByteVector buffer(gw::kHeadroom);
        buffer.insert(buffer.end(), in.begin(), in.end());
        gw::Packet packet(buffer, gw::kHeadroom, in.size());
        const gw::Translation context{settings_, gateway_.lookup, waiting_};
        const auto peer = peer_of(in);
        const auto verdict = encap_ ? gw::encap(packet.bytes(), context, {}, plan_)
                                    : gw::decap(packet.bytes(), peer, context, {}, plan_);
        if (verdict.action == gw::Action::answer) answer(verdict.error, in, peer);
        if (verdict.action != gw::Action::forward) return;
        outcome_.verdict = "accept";
        gw::apply(plan_, packet);
        outcome_.out.push_back(vector_of(packet.bytes()));
        if (plan_.released) outcome_.out.push_back(vector_of(plan_.released->bytes));
    }

    /// The peer of a case sends from the packet's source context.
    net::Ip peer_of(const ByteVector& in) const {
        const auto parsed = wire::parse_tunnel_header(in);
        return !encap_ && parsed ? parsed->header.source.ip : net::Ip();
    }

    void answer(gw::IcmpError error, const ByteVector& in, const net::Ip& peer) {
        std::array<uint8_t, gw::kMaxIcmpError> space;
        outcome_.verdict = "icmp";
        outcome_.to = encap_ ? "tun" : "tunnel";
        if (encap_) {
            outcome_.out.push_back(
                vector_of(gw::make_local_error(error, in, settings_, 0, 0x1234, space)));
            clear_identification(outcome_.out.back());
        } else if (const auto made = gw::make_tunnel_error(error, in, peer, settings_, 0, space)) {
            outcome_.out.push_back(vector_of(made->bytes));
        }
    }

    RecordedGateway& gateway_;
    bool encap_;
    gw::Settings settings_;
    gw::DropCounters drops_;
    gw::WaitingFragments waiting_{drops_};
    gw::Plan plan_;
    Outcome outcome_;
};

class Runner {
  public:
    int operator()(const Json& line) {
        if (line.at("type") == "config") {
            gateways_[line.at("id").get<std::string>()] = recorded_gateway(line);
            return -1;
        }
        if (line.at("type") != "packet") return -1;
        const auto config = line.at("config").get<std::string>();
        const auto gateway = gateways_.find(config);
        if (gateway == gateways_.end()) throw std::runtime_error("unknown config " + config);

        Outcome expected{line.at("verdict").get<std::string>(), line.value("to", ""), {}};
        for (const auto& packet : line.at("out")) {
            expected.out.push_back(from_hex(packet.get<std::string>()));
            if (expected.to == "tun") clear_identification(expected.out.back());
        }
        const auto got = Case(line, *gateway->second).run(line.at("in"));
        if (got == expected) return 1;
        std::printf("%s (%s): expected %s, got %s\n", line.at("name").get<std::string>().c_str(),
                    config.c_str(), expected.str().c_str(), got.str().c_str());
        return 0;
    }

  private:
    std::map<std::string, std::unique_ptr<RecordedGateway>> gateways_;
};

}  // namespace

int main(int argc, char** argv) {
    return run_files(argc, argv, "replays packets through the gateway's translation", Runner())
        .exit_code();
}

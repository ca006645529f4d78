// SPDX-License-Identifier: GPL-2.0-or-later
// A server block with plugin ipref, an upstream that answers from a list, and a gateway that gives
// 10.240.0.REF to each IPREF address.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "unit/common/mapper/scripted_mapper.h"
#include "unit/resolver/plugins/bench.h"
#include "unit/temporary_directory.h"

namespace ipref::test {

class IprefBench : public ResolverBench {
  public:
    using Messages = std::vector<Message>;

    ~IprefBench() override { close(); }

    /// The block's text; UP and MAPPER stand for the upstream's address and the socket's path.
    void serve(std::string text) {
        const auto put = [&](const std::string& word, const std::string& value) {
            for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) {
                text.replace(at, word.size(), value);
            }
        };
        put("UP", upstream.at().str());
        put("MAPPER", path);
        open(text);
    }
    /// With these options and plugins behind.
    void serve_with(const std::string& options, const std::string& behind = "") {
        serve(".:53 {\n ipref {\n upstream UP\n mapper MAPPER\n" + options + "\n }\n" + behind +
              "\n}\n");
    }
    void with_gateway() { gateway = std::make_unique<ScriptedMapper>(loop, path, answers()); }
    void with_v1_gateway() {
        gateway = std::make_unique<ScriptedMapper>(
            loop, path, speaks_v1([this](ScriptedMapper& server, const wire::V1Packet& packet) {
                encoded++;
                auto answer = packet;
                answer.mode = wire::V1Mode::ack;
                auto& body = std::get<wire::V1GetEa>(answer.body);
                body.name.clear();
                body.record.ea = ea_of(body.record.ipref);
                server.send(wire::build_v1(answer).value());
            }));
    }

    /// Records of the upstream's answers, by "name TYPE" in lower case.
    std::map<std::string, std::vector<std::string>> records;
    /// Instead of that, if it gives anything.
    std::function<std::optional<Messages>(const Asked&)> instead;
    uint16_t flags = 0;  ///< of the upstream's answers
    uint32_t lifetime = 3600;
    bool silent = false;  ///< the gateway
    int encoded = 0;      ///< addresses the gateway was asked for

    TemporaryDirectory directory;
    std::string path = directory.file("mapper.sock");
    std::unique_ptr<ScriptedMapper> gateway;
    ScriptedDns upstream{loop, [this](const Asked& asked) { return answer(asked); }};

    /// How often the upstream was asked for this type.
    long asked(uint16_t type) const {
        return std::count_if(upstream.asked().begin(), upstream.asked().end(),
                             [&](const Asked& one) { return one.question.type == type; });
    }

  private:
    static net::Ip ea_of(const net::IpRef& ipref) {
        return net::Ip::v4(0x0af00000 + static_cast<uint32_t>(ipref.ref.low));
    }

    Messages answer(const Asked& asked) {
        if (instead) {
            if (auto other = instead(asked)) return *other;
        }
        const auto& question = asked.question;
        const auto found =
            records.find(question.name.lower().str() + " " + dns::type_text(question.type));
        if (found != records.end()) return {reply_to(asked.wire, flags, found->second)};
        return {reply_to(asked.wire, dns::rcode::kNxDomain, {})};
    }

    /// Refuses ref 13; gives IPv6 addresses where those are asked for.
    ScriptedMapper::Script answers() {
        return speaks_protobuf([this](ScriptedMapper& server, const proto::Frame& frame) {
            proto::Frame answer;
            answer.set_id(frame.id());
            encoded += frame.get_encoded_addresses().queries_size();
            if (silent) return;
            for (const auto& one : frame.get_encoded_addresses().queries()) {
                const auto ipref = wire::ipref_from(one.ipref()).value();
                auto& to = *answer.mutable_encoded_addresses()->add_answers();
                if (ipref.ref.low == 13) {
                    to.mutable_failure()->set_code(proto::Failure::LIMIT);
                    to.mutable_failure()->set_text("too many for this gateway");
                    continue;
                }
                const auto six = net::Ip::parse("fd00:240::1").value();
                to.set_ea(wire::bytes_of(one.ea_family() == 6 ? six : ea_of(ipref)));
                to.set_lifetime(lifetime);
            }
            server.send(answer);
        });
    }
};

}  // namespace ipref::test

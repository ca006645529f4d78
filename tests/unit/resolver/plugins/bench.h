// SPDX-License-Identifier: GPL-2.0-or-later
// A server block in the test's own loop: a Corefile's text, questions that go down its chain, and
// the answers as a client would get them. No listeners.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "resolver/server/encode.h"
#include "resolver/server/runner.h"
#include "unit/catch.h"
#include "unit/common/dns/scripted_dns.h"

namespace ipref::test {

/// An answer taken apart: records as "NAME TTL CLASS TYPE DATA".
struct Answered {
    bool done = false;
    std::string rcode;
    dns::Header header;
    std::string question;
    std::vector<std::string> answer, authority, additional;
    bool edns = false;
    int info_code = -1;  ///< of the extended error
    std::string info;
    Message cookie;  ///< of the OPT record
    Message message;
    std::string error;  ///< what plugin errors would log
};

class ResolverBench : public resolver::Sink {
  public:
    ~ResolverBench() override { close(); }

    /// `text` may hold any number of blocks, all on one port.
    void open(const std::string& text) {
        resolver::ConfigOptions options;
        auto config = resolver::load_config(text, options);
        if (!config) FAIL(config.error().text);
        auto used = runner.use(*config);
        if (!used) FAIL(used.error().text);
        routes_ = &(*config)->listeners.begin()->second;
    }
    /// As at the end of the process: queries that are held are ended.
    void close() {
        runner.shut_down();
        routes_ = nullptr;
    }

    /// The answer arrives in the result; references stay valid.
    Answered& ask(const Message& query, resolver::Proto proto = resolver::Proto::udp) {
        auto& answered = answers_.emplace_back();
        waiting_.push_back({dns::Header::read(query)->id, &answered});
        resolver::Whence whence;
        whence.client = {client, 5000};
        whence.proto = proto;
        runner.take(query, *this, routes_, whence);
        return answered;
    }
    Answered& ask(const std::string& name, uint16_t type, bool edns = true) {
        return ask(query_for(name, type, next_id_++, edns));
    }
    /// Asks and runs the loop until the answer is there.
    Answered& get(const Message& query, resolver::Proto proto = resolver::Proto::udp) {
        auto& answered = ask(query, proto);
        run_until(loop, [&] { return answered.done; });
        return answered;
    }
    Answered& get(const std::string& name, uint16_t type, bool edns = true) {
        return get(query_for(name, type, next_id_++, edns));
    }

    void deliver(resolver::Query& q) override {
        const auto at = std::find_if(waiting_.begin(), waiting_.end(),
                                     [&](const auto& one) { return one.first == q.request.id; });
        REQUIRE(at != waiting_.end());
        Answered& to = *at->second;
        waiting_.erase(at);
        to.error = q.error();
        if (seen) seen(q);
        Message space(65535);
        space.resize(q.sign(resolver::encode_reply(q.request, q.reply, q.limit(), space), space));
        to.message = space;
        take_apart(space, to);
        to.done = true;
    }

    /// Shown each query when it has been answered.
    std::function<void(resolver::Query&)> seen;
    net::Ip client = *net::Ip::parse("192.0.2.200");  ///< where queries come from
    run::Loop loop;
    resolver::Runner runner{loop, 0};

  private:
    static void take_apart(const Message& message, Answered& to) {
        dns::MessageReader reader(message);
        const auto question = reader.question();
        REQUIRE(question);
        to.header = reader.header();
        to.question = question->name.str();
        uint16_t rcode = reader.header().rcode();
        while (const auto record = reader.record()) {
            if (record->type == dns::rr::kOpt) {
                const auto edns = dns::Edns::from(*record);
                to.edns = true;
                rcode |= static_cast<uint16_t>(edns.extended_rcode << 4);
                if (const auto cookie = edns.option(dns::option::kCookie)) {
                    to.cookie.assign(cookie->begin(), cookie->end());
                }
                if (const auto error = edns.option(dns::option::kExtendedError)) {
                    to.info_code = error->front() << 8 | (*error)[1];
                    to.info.assign(error->begin() + 2, error->end());
                }
                continue;
            }
            const dns::Record plain{record->owner, record->type, record->klass, record->ttl,
                                    *reader.plain_rdata(*record)};
            auto& lines = record->section == dns::Section::answer      ? to.answer
                          : record->section == dns::Section::authority ? to.authority
                                                                       : to.additional;
            lines.push_back(fmt::format("{} {} {} {} {}", plain.owner.str(), plain.ttl,
                                        dns::class_text(plain.klass), dns::type_text(plain.type),
                                        dns::rdata_text(plain)));
        }
        CHECK(reader.done());
        to.rcode = dns::rcode_text(rcode);
    }

    const resolver::Routes* routes_ = nullptr;
    std::deque<Answered> answers_;
    std::vector<std::pair<uint16_t, Answered*>> waiting_;
    uint16_t next_id_ = 1;
};

/// The error of a Corefile that must not load.
inline std::string refusal(const std::string& text) {
    const auto config = resolver::load_config(text, {});
    return config ? "" : config.error().text;
}

}  // namespace ipref::test

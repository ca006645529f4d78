// SPDX-License-Identifier: GPL-2.0-or-later
// A server block with plugin cache before an upstream that says what the test wants, and a clock
// that stands still unless the test lets time pass.
#pragma once

#include "unit/resolver/plugins/bench.h"

namespace ipref::test {

class CacheBench : public ResolverBench {
  public:
    static constexpr unsigned kDo = 1, kCd = 2;

    CacheBench() {
        runner.clock([this] { return now_; });
        works();
    }

    void open(const std::string& options, const std::string& arguments = "") {
        ResolverBench::open(".:53 {\n cache " + arguments + " {\n" + options + "\n }\n forward . " +
                            upstream_->at().str() + "\n}\n");
    }
    template <typename Time>
    void pass(Time time) {
        now_ += time;
    }

    // -- the upstream: what it says, and what it was asked

    uint16_t flags = dns::flag::kRa;
    std::vector<std::string> records, authority;
    void works() {
        upstream_->script([this](const Asked& asked) {
            return std::vector<Message>{reply_to(asked.wire, flags, records, authority)};
        });
    }
    void fails(uint16_t rcode) {
        upstream_->script([rcode](const Asked& asked) {
            return std::vector<Message>{reply_to(asked.wire, rcode, {})};
        });
    }
    void silent() {
        upstream_->script([](const Asked&) { return std::vector<Message>{}; });
    }
    void close_upstream() { upstream_.reset(); }
    size_t asked() const { return upstream_->asked().size(); }
    void wait_for(size_t asked) {
        run_until(loop, [&] { return upstream_->asked().size() >= asked; });
    }
    /// Until nothing is on its way.
    void settle() {
        run_until(loop, [&] { return runner.in_flight() == 0; });
    }

    /// For type A.
    Message query(const std::string& name, unsigned bits,
                  const std::vector<uint8_t>& options = {}) {
        std::array<uint8_t, 512> space;
        dns::MessageWriter writer(space);
        writer.question({*dns::Name::parse(name), dns::rr::kA, dns::klass::kIn});
        dns::Edns edns;
        edns.dnssec_ok = (bits & kDo) != 0;
        edns.options = options;
        writer.edns(edns);
        const uint16_t cd = (bits & kCd) != 0 ? dns::flag::kCd : 0;
        const auto message = writer.finish(id_++, static_cast<uint16_t>(dns::flag::kRd | cd));
        return {message.begin(), message.end()};
    }

    /// A metric's value, as it is exposed; -1 if it is not there.
    double count(const std::string& name, const std::string& type = "") {
        const std::string typed = type.empty() ? "" : ",type=\"" + type + "\"";
        const std::string line =
            name + "{server=\"dns://:53\",zones=\".\",view=\"\"" + typed + "} ";
        const auto text = runner.active()->config->metrics->text();
        const auto at = text.find(line);
        return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
    }

  private:
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
    std::unique_ptr<ScriptedDns> upstream_ =
        std::make_unique<ScriptedDns>(loop, [](const Asked&) { return std::vector<Message>{}; });
    uint16_t id_ = 20'000;
};

}  // namespace ipref::test

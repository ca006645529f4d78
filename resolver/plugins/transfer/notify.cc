// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/transfer/notify.h"

#include <array>

#include "common/run/log.h"
#include "common/run/unix_time.h"

namespace ipref::resolver {

namespace {

constexpr int kTries = 3;
constexpr run::Milliseconds kTimeout(2000);

uint64_t wall_clock() {
    return static_cast<uint64_t>(run::unix_time());
}

/// What is wrong with an answer; nothing if it acknowledges.
std::string flaw(const dns::Upstream::Outcome& outcome, dns::TsigSession* session) {
    if (!outcome) return outcome.error().text;
    if (session != nullptr) {
        const auto fine = session->verify(*outcome, wall_clock());
        if (!fine) return fine.error().text;
    }
    const auto rcode = dns::Header::read(*outcome)->rcode();
    return rcode == dns::rcode::kNoError ? "" : dns::rcode_text(rcode);
}

}  // namespace

void Notifier::tell(const Name& origin, const std::vector<Recipient>& servers) {
    for (const auto& server : servers) {
        if (!server.at || !going_on_.emplace(origin.str(), *server.at).second) continue;
        auto& upstream = servers_[*server.at];
        if (upstream == nullptr) upstream = std::make_unique<dns::Upstream>(loop_, *server.at);
        send(origin, server, kTries);
    }
}

void Notifier::send(const Name& origin, const Recipient& server, int tries_left) {
    std::array<uint8_t, dns::kPlainUdpSize> space{};
    dns::MessageWriter message(space);
    message.question({.name = origin, .type = dns::rr::kSoa});
    constexpr unsigned kNotify = dns::opcode::kNotify;
    const auto plain =
        message.finish(0, static_cast<uint16_t>(kNotify << 11 | unsigned{dns::flag::kAa}));
    std::vector<uint8_t> query(plain.begin(), plain.end());
    std::shared_ptr<dns::TsigSession> session;  // a callback must be copyable
    if (server.key) {
        session = std::make_shared<dns::TsigSession>(*server.key);
        query = session->sign(plain, wall_clock());
    }
    servers_[*server.at]->ask(
        query, dns::Via::udp, kTimeout,
        [this, origin, server, session, tries_left](const dns::Upstream::Outcome& outcome) {
            if (!outcome && tries_left > 1) return send(origin, server, tries_left - 1);
            going_on_.erase({origin.str(), *server.at});
            const auto wrong = flaw(outcome, session.get());
            if (wrong.empty()) {
                run::log_debug("plugin/transfer: notify of zone {} sent to {}", origin.str(),
                               server.at->str());
            } else {
                run::log_warning("plugin/transfer: notify of zone {} to {}: {}", origin.str(),
                                 server.at->str(), wrong);
            }
        });
}

}  // namespace ipref::resolver

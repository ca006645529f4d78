// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/transfer/notify.h"

#include <array>

#include "common/run/log.h"

namespace ipref::resolver {

namespace {

constexpr int kTries = 3;
constexpr run::Milliseconds kTimeout(2000);

}  // namespace

void Notifier::tell(const Name& origin, const std::vector<net::Endpoint>& servers) {
    for (const auto& server : servers) {
        if (!going_on_.emplace(origin.str(), server).second) continue;
        auto& upstream = servers_[server];
        if (upstream == nullptr) upstream = std::make_unique<dns::Upstream>(loop_, server);
        send(origin, server, kTries);
    }
}

void Notifier::send(const Name& origin, const net::Endpoint& server, int tries_left) {
    std::array<uint8_t, dns::kPlainUdpSize> space{};
    dns::MessageWriter message(space);
    message.question({.name = origin, .type = dns::rr::kSoa});
    constexpr unsigned kNotify = dns::opcode::kNotify;
    const auto query =
        message.finish(0, static_cast<uint16_t>(kNotify << 11 | unsigned{dns::flag::kAa}));
    servers_[server]->ask(
        query, dns::Via::udp, kTimeout,
        [this, origin, server, tries_left](const dns::Upstream::Outcome& outcome) {
            if (!outcome && tries_left > 1) return send(origin, server, tries_left - 1);
            going_on_.erase({origin.str(), server});
            if (!outcome) {
                run::log_warning("plugin/transfer: notify of zone {}: {}", origin.str(),
                                 outcome.error().text);
            } else {
                run::log_debug("plugin/transfer: notify of zone {} sent to {}", origin.str(),
                               server.str());
            }
        });
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/asker.h"

#include <vector>

#include "common/dns/query.h"

namespace ipref::agent {

namespace {

constexpr int kTries = 3;

bool is_cut(dns::Bytes message) {
    const auto header = dns::Header::read(message);
    return header && header->has(dns::flag::kTc);
}

}  // namespace

struct Asker::Ask {
    std::vector<uint8_t> query;
    Callback callback;
    int tries = 0;
};

Asker::Asker(run::Loop& loop, const net::Endpoint& server, run::Milliseconds timeout)
    : timeout_(timeout), upstream_(loop, server) {}

void Asker::ask(const dns::Question& question, bool dnssec, Callback callback) {
    const uint16_t flags = dns::flag::kRd | (dnssec ? dns::flag::kCd : 0);
    auto query = dns::make_query(question, {.flags = flags, .dnssec_ok = dnssec});
    attempt(std::make_shared<Ask>(Ask{std::move(query), std::move(callback), 0}), dns::Via::udp);
}

void Asker::attempt(std::shared_ptr<Ask> ask, dns::Via via) {
    ask->tries++;
    upstream_.ask(
        ask->query, via, timeout_,
        [this, ask, via](const dns::Upstream::Outcome& outcome) { answered(ask, via, outcome); });
}

void Asker::answered(std::shared_ptr<Ask> ask, dns::Via via,
                     const dns::Upstream::Outcome& outcome) {
    if (outcome) {
        if (via == dns::Via::udp && is_cut(*outcome)) return attempt(ask, dns::Via::tcp);
        return ask->callback(*outcome);
    }
    const bool silent = outcome.error().trouble == dns::Trouble::timed_out;
    if (silent && ask->tries < kTries) {
        return attempt(ask, ask->tries + 1 < kTries ? dns::Via::udp : dns::Via::tcp);
    }
    ask->callback(tl::unexpected(outcome.error().text));
}

}  // namespace ipref::agent

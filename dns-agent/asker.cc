// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/asker.h"

#include <vector>

#include "common/dns/query.h"
#include "common/run/unix_time.h"

namespace ipref::agent {

namespace {

constexpr int kTries = 3;

uint64_t wall_clock() {
    return static_cast<uint64_t>(run::unix_time());
}

bool is_cut(dns::Bytes message) {
    const auto header = dns::Header::read(message);
    return header && header->has(dns::flag::kTc);
}

}  // namespace

struct Asker::Ask {
    std::vector<uint8_t> query;
    Callback callback;
    int tries = 0;
    std::optional<dns::TsigSession> session = std::nullopt;  ///< of the try under way
};

Asker::Asker(run::Loop& loop, const net::Endpoint& server, run::Milliseconds timeout,
             const dns::TsigKey* key)
    : timeout_(timeout), key_(key), upstream_(loop, server) {}

void Asker::ask(const dns::Question& question, bool dnssec, Callback callback) {
    const uint16_t flags = dns::flag::kRd | (dnssec ? dns::flag::kCd : 0);
    auto query = dns::make_query(question, {.flags = flags, .dnssec_ok = dnssec});
    attempt(std::make_shared<Ask>(Ask{std::move(query), std::move(callback)}), dns::Via::udp);
}

void Asker::attempt(std::shared_ptr<Ask> ask, dns::Via via) {
    ask->tries++;
    auto query = ask->query;
    if (key_ != nullptr) query = ask->session.emplace(*key_).sign(ask->query, wall_clock());
    upstream_.ask(query, via, timeout_, [this, ask, via](const dns::Upstream::Outcome& outcome) {
        answered(ask, via, outcome);
    });
}

/// What is wrong with its signature; empty: nothing, or none is wanted.
std::string Asker::flaw(Ask& ask, dns::Bytes message) const {
    if (key_ == nullptr) return "";
    const auto fine = ask.session->verify(message, wall_clock());
    return fine ? "" : fine.error().text;
}

void Asker::answered(std::shared_ptr<Ask> ask, dns::Via via,
                     const dns::Upstream::Outcome& outcome) {
    if (outcome) {
        if (const auto wrong = flaw(*ask, *outcome); !wrong.empty()) {
            if (via == dns::Via::udp) return attempt(ask, dns::Via::tcp);
            return ask->callback(tl::unexpected("its answer: " + wrong));
        }
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

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin minimal: positive answers without authority and additional records.
#include <algorithm>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

/// NSEC, NSEC3 and their signatures prove that a wildcard applies (RFC 4035 section 3.1.3.3).
bool is_proof(const RecordRef& record) {
    constexpr uint16_t kNsec = dns::rr::kNsec;
    constexpr uint16_t kNsec3 = dns::rr::kNsec3;
    uint16_t type = record.type;
    if (type == dns::rr::kRrsig && record.rdata.size() >= 2) {
        type = static_cast<uint16_t>(record.rdata[0] << 8 | record.rdata[1]);  // type covered
    }
    return type == kNsec || type == kNsec3;
}

bool has(const std::vector<RecordRef>& records, uint16_t type) {
    return std::any_of(records.begin(), records.end(),
                       [&](const RecordRef& record) { return record.type == type; });
}

class Minimal final : public Handler {
  public:
    std::string_view name() const override { return "minimal"; }

    Step handle(Query& q) override {
        const bool transfer = q.request.type == dns::rr::kAxfr || q.request.type == dns::rr::kIxfr;
        return transfer ? Step::next : Step::watch;
    }

    Step answered(Query& q) override {
        auto& reply = q.reply;
        const bool positive =
            q.outcome() == Query::Outcome::answered && reply.rcode == dns::rcode::kNoError;
        if (!positive) return Step::done;
        const bool denial = reply.answer.empty() && has(reply.authority, dns::rr::kSoa);
        const bool referral = reply.answer.empty() && has(reply.authority, dns::rr::kNs);
        if (denial || referral) return Step::done;
        const bool proofs = q.request.edns.dnssec_ok;
        std::erase_if(reply.authority,
                      [&](const RecordRef& record) { return !proofs || !is_proof(record); });
        reply.additional.clear();
        return Step::done;
    }
};

}  // namespace

Result<void> setup_minimal(Setup& setup) {
    auto& d = setup.tokens();
    while (d.next()) {
        if (d.next_on_line()) return d.arg_err();
    }
    setup.add(std::make_unique<Minimal>());
    return {};
}

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/signed_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/dns/answer.h"
#include "common/dns/denial.h"

namespace ipref::dns {

namespace {

constexpr size_t kMostDenials = 8;  // sets of NSEC, NSEC3 and DS records that are verified

using Step = tl::expected<void, std::string>;

/// Puts an answer together.
class Reading {
  public:
    Reading(Bytes message, const Name& name, uint16_t type, const ZoneKeys& keys, int64_t now)
        : message_(message), name_(name), type_(type), keys_(keys), now_(now) {
        answer_.ttl = std::numeric_limits<int32_t>::max();
        answer_.until = keys.until();
    }

    tl::expected<SignedAnswer, std::string> read() {
        Name at = name_;
        for (size_t i = 0; i <= kMaxChain; i++) {
            if (!at.is_under(keys_.zone())) {
                answer_.leads_out = true;
                return answer_;
            }
            if (auto set = set_in(message_, at, type_); !set.records.empty()) {
                if (auto proven = prove(set); !proven) return tl::unexpected(proven.error());
                answer_.records = std::move(set.records);
                return answer_;
            }
            const auto alias = set_in(message_, at, rr::kCname);
            if (alias.records.empty()) {
                if (auto denied = none(at); !denied) return tl::unexpected(denied.error());
                return answer_;
            }
            if (auto proven = prove(alias); !proven) return tl::unexpected(proven.error());
            const auto target = Name::from_wire(alias.records[0].rdata);
            if (alias.records.size() > 1 || !target) {
                return tl::unexpected(fmt::format("{} has malformed aliases", at.str()));
            }
            at = *target;
        }
        return tl::unexpected(fmt::format("a chain of more than {} CNAMEs", kMaxChain));
    }

  private:
    /// "TXT records", or of another name if an alias led there.
    std::string subject(const Record& record) const {
        const auto what = type_text(record.type) + " records";
        return record.owner == name_ ? "its " + what : record.owner.str() + " " + what;
    }

    Step prove(const SignedSet& set) {
        const auto& owner = set.records[0].owner;
        const auto proof = keys_.prove(set, now_);
        if (!proof) return tl::unexpected(subject(set.records[0]) + " " + proof.error());
        take(set, *proof);
        if (!proof->wildcard) return {};
        const auto alone = denial().of_wildcard(owner, proof->labels);
        if (!alone) {
            return tl::unexpected(fmt::format("{} are made by a wildcard, but {}",
                                              subject(set.records[0]), alone.error()));
        }
        if (owner == name_) answer_.of_wildcard = true;
        return {};
    }

    Step none(const Name& name) {
        const auto proven = denial().none(name, type_);
        if (proven) return {};
        return tl::unexpected(fmt::format("{}that it has no {} records is not proven: {}{}",
                                          name == name_ ? "" : name.str() + ": ", type_text(type_),
                                          proven.error(), broken_));
    }

    void take(const SignedSet& set, const Proof& proof) {
        answer_.until = std::min(answer_.until, proof.until);
        for (const auto& one : set.records) {
            answer_.ttl = std::min({answer_.ttl, sane_ttl(one.ttl), proof.ttl});
        }
    }

    /// What is signed in the authority section and says that there is nothing.
    const Denial& denial() {
        if (denial_) return *denial_;
        denial_.emplace(keys_.zone());
        std::vector<std::pair<Name, uint16_t>> seen;
        MessageReader reader(message_);
        while (const auto view = reader.record()) {
            if (view->section != Section::authority || view->klass != klass::kIn) continue;
            if (view->type != rr::kNsec && view->type != rr::kNsec3 && view->type != rr::kDs) {
                continue;
            }
            const std::pair<Name, uint16_t> one(view->owner, view->type);
            if (std::find(seen.begin(), seen.end(), one) != seen.end()) continue;
            if (seen.size() == kMostDenials) break;
            seen.push_back(one);
            add_denial(set_in(message_, view->owner, view->type));
        }
        return *denial_;
    }

    void add_denial(const SignedSet& set) {
        if (set.records.empty()) return;
        const auto& first = set.records[0];
        const auto proof = keys_.prove(set, now_);
        if (!proof || proof->wildcard) {
            if (broken_.empty()) {
                broken_ =
                    fmt::format(" ({} {} records {})", first.owner.str(), type_text(first.type),
                                proof ? "are made by a wildcard" : proof.error());
            }
            return;
        }
        take(set, *proof);
        for (const auto& one : set.records) denial_->add(one);
        if (first.type == rr::kDs) denial_->add_cut(first.owner);
    }

    Bytes message_;
    const Name& name_;
    uint16_t type_;
    const ZoneKeys& keys_;
    int64_t now_;
    SignedAnswer answer_;
    std::optional<Denial> denial_;
    std::string broken_;  // the first denial that does not count, and why
};

}  // namespace

tl::expected<SignedAnswer, std::string> signed_answer(Bytes message, const Name& name,
                                                      uint16_t type, const ZoneKeys& keys,
                                                      int64_t now) {
    const auto plain = parse_answer(message, name, type);
    if (!plain) return tl::unexpected(plain.error().text);
    return Reading(message, name, type, keys, now).read();
}

}  // namespace ipref::dns

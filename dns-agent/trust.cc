// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/trust.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/run/unix_time.h"

namespace ipref::agent {

using run::Milliseconds;

namespace {

constexpr Milliseconds kTimeout{2'000};

}  // namespace

/// The way from an anchor down to one zone.
class Trust::Walk {
  public:
    Walk(run::Loop& loop, const std::vector<net::Endpoint>& resolvers,
         const dns::TrustAnchors& anchors, const dns::Name& zone)
        : all_(anchors), zone_(zone), turn_(loop, [this] { begin(); }) {
        for (const auto& one : resolvers) {
            askers_.push_back(std::make_unique<Asker>(loop, one, kTimeout));
        }
    }

    void get(Callback callback) {
        waiting_.push_back(std::move(callback));
        if (waiting_.size() == 1) turn_.start(Milliseconds(0));
    }

  private:
    void begin() {
        found_.clear();
        for (size_t up = 0; up <= zone_.labels() && found_.empty(); up++) {
            at_ = zone_.without(up);
            for (const auto& one : all_) {
                if (one.owner == at_) found_.push_back(one);
            }
        }
        if (found_.empty()) return fail("there is no trust anchor above " + zone_.str());
        enter();
    }

    /// `found_` are trusted for the zone `at_`.
    void enter() {
        if (at_ == zone_) return end(std::make_shared<const dns::TrustAnchors>(found_));
        ask({at_, dns::rr::kDnskey, dns::klass::kIn}, [this](dns::Bytes message) {
            auto keys = dns::ZoneKeys::make(
                at_, found_, dns::set_in(message, at_, dns::rr::kDnskey), run::unix_time());
            if (!keys) return fail(keys.error());
            keys_ = std::move(*keys);
            child_ = at_;
            ask_delegation();
        });
    }

    /// The next name on the way may be a zone of its own, or just a name of this one.
    void ask_delegation() {
        child_ = zone_.without(zone_.labels() - child_.labels() - 1);
        ask({child_, dns::rr::kDs, dns::klass::kIn}, [this](dns::Bytes message) {
            const auto set = dns::set_in(message, child_, dns::rr::kDs);
            if (set.records.empty()) {
                if (child_ != zone_) return ask_delegation();
                return fail(fmt::format(
                    "{} has no DS record in {}: it is not signed, or its keys are not known there",
                    zone_.str(), at_.str()));
            }
            const auto valid = keys_->verify(set, run::unix_time());
            if (!valid) {
                return fail(fmt::format("the DS records of {} {}", child_.str(), valid.error()));
            }
            found_ = set.records;
            at_ = child_;
            enter();
        });
    }

    void ask(dns::Question question, std::function<void(dns::Bytes)> then, size_t resolver = 0) {
        if (askers_.empty()) return fail("there is no name server to ask (-resolver)");
        askers_[resolver]->ask(
            question, true, [this, question, then, resolver](const Asker::Outcome& outcome) {
                const auto header = outcome ? dns::Header::read(*outcome) : std::nullopt;
                if (header && header->rcode() == dns::rcode::kNoError) return then(*outcome);
                if (resolver + 1 < askers_.size()) return ask(question, then, resolver + 1);
                fail(fmt::format("{} {}: {}", question.name.str(), dns::type_text(question.type),
                                 header ? dns::rcode_text(header->rcode()) : outcome.error()));
            });
    }

    void fail(std::string why) { end(tl::unexpected(std::move(why))); }
    void end(const Outcome& outcome) {
        const auto waiting = std::move(waiting_);
        waiting_.clear();
        for (const auto& one : waiting) one(outcome);
    }

    const dns::TrustAnchors& all_;
    dns::Name zone_;
    run::Timer turn_;
    std::vector<std::unique_ptr<Asker>> askers_;
    std::vector<Callback> waiting_;
    dns::Name at_;
    dns::Name child_;
    dns::TrustAnchors found_;
    std::optional<dns::ZoneKeys> keys_;
};

Trust::Trust(run::Loop& loop, std::vector<net::Endpoint> resolvers, dns::TrustAnchors anchors)
    : loop_(loop), resolvers_(std::move(resolvers)), anchors_(std::move(anchors)) {}

Trust::~Trust() = default;

void Trust::get(const dns::Name& zone, Callback callback) {
    auto& walk = walks_[zone];
    if (!walk) walk = std::make_unique<Walk>(loop_, resolvers_, anchors_, zone);
    walk->get(std::move(callback));
}

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/signed_zone.h"

#include <fmt/format.h>

#include <algorithm>

#include "dns-agent/zone.h"

namespace ipref::agent {

namespace {

constexpr int kSlice = 50;         // sets in one turn of the loop: about 10 ms
constexpr size_t kPerRecord = 64;  // bytes of book-keeping
constexpr size_t kPerOwner = 160;

std::string text_of(dns::Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

dns::Bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

tl::expected<void, std::string> SignedZone::add(const dns::RecordView& view) {
    const bool signature = view.type == dns::rr::kRrsig;
    const auto type = signature ? dns::covered_type(view.rdata).value_or(0) : view.type;
    const bool key = type == dns::rr::kDnskey && view.owner == zone_;
    if (!key && type != dns::rr::kTxt) return {};
    bytes_ += view.rdata.size() + kPerRecord;
    auto& raw = key ? keys_ : texts_[text_of(view.owner.lower().wire())];
    if (raw.records.empty() && raw.signatures.empty()) bytes_ += view.owner.size() + kPerOwner;
    if (bytes_ > kMostBytes) {
        return tl::unexpected(
            fmt::format("TXT records and signatures need more than {} MB", kMostBytes >> 20));
    }
    (signature ? raw.signatures : raw.records).push_back(text_of(view.rdata));
    if (!signature && !key && may_publish(view.rdata)) raw.publishes = true;
    return {};
}

dns::SignedSet SignedZone::set_of(const std::string& owner, uint16_t type, const Raw& raw) const {
    const auto name = dns::Name::from_wire(bytes_of(owner)).value();
    dns::SignedSet set;
    const auto fill = [&](const auto& from, uint16_t as, auto& to) {
        for (const auto& data : from) {
            const auto bytes = bytes_of(data);
            to.push_back({name, as, dns::klass::kIn, 0, {bytes.begin(), bytes.end()}});
        }
    };
    fill(raw.records, type, set.records);
    fill(raw.signatures, dns::rr::kRrsig, set.signatures);
    return set;
}

ZoneCheck::ZoneCheck(run::Loop& loop, SignedZone zone, const dns::TrustAnchors& anchors,
                     int64_t now, Callback callback)
    : zone_(std::move(zone)),
      keys_(dns::ZoneKeys::make(
          zone_.zone_, anchors,
          zone_.set_of(text_of(zone_.zone_.wire()), dns::rr::kDnskey, zone_.keys_), now)),
      now_(now),
      until_(keys_ ? keys_->until() : 0),
      callback_(std::move(callback)),
      next_(zone_.texts_.begin()),
      turn_(loop, [this] { slice(); }) {
    turn_.start(run::Milliseconds(0));
}

void ZoneCheck::slice() {
    if (!keys_) return finish(tl::unexpected(keys_.error()));
    for (int i = 0; i < kSlice && next_ != zone_.texts_.end(); ++next_) {
        const auto& [owner, raw] = *next_;
        if (!raw.publishes) continue;
        i++;
        const auto set = zone_.set_of(owner, dns::rr::kTxt, raw);
        const auto valid = keys_->verify(set, now_);
        if (!valid) {
            return finish(tl::unexpected(fmt::format("the TXT records of {} {}",
                                                     set.records[0].owner.str(), valid.error())));
        }
        until_ = std::min(until_, *valid);
    }
    if (next_ == zone_.texts_.end()) return finish(until_);
    turn_.start(run::Milliseconds(0));
}

void ZoneCheck::finish(const dns::Validity& validity) {
    callback_(validity);
}

}  // namespace ipref::agent

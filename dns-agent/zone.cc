// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/dns/aa.h"

namespace ipref::agent {

namespace {

using Step = ZoneBuilder::Step;

std::string gw_text(const dns::Aa& aa) {
    if (const auto* ip = std::get_if<net::Ip>(&aa.gw)) return ip->str();
    return std::get<dns::Name>(aa.gw).lower().str();
}

dns::Bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::optional<TxtRecord> kept(const dns::Name& owner, uint16_t type, dns::Bytes rdata) {
    if (type != dns::rr::kTxt || !may_publish(rdata)) return std::nullopt;
    return TxtRecord{owner.lower().str(), std::string(rdata.begin(), rdata.end())};
}

template <typename T>
void in_order(std::vector<T>& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

bool may_publish(dns::Bytes rdata) {
    const auto strings = dns::txt_strings(rdata);
    return !strings || std::any_of(strings->begin(), strings->end(), dns::is_aa);
}

Step ZoneBuilder::add(const dns::Name& owner, uint16_t type, dns::Bytes rdata) {
    auto record = kept(owner, type, rdata);
    if (!record) return {};
    if (out_->records.size() == kMostRecords) {
        return tl::unexpected(fmt::format("the zone has more than {} AA records", kMostRecords));
    }
    if (auto fits = weigh(*record); !fits) return fits;
    out_->records.push_back(std::move(*record));
    return {};
}

/// A compressed name takes two bytes on the wire and up to a thousand here, once in the record and
/// once in the entry of each of its strings.
Step ZoneBuilder::weigh(const TxtRecord& record) {
    size_t strings = 0;
    for (size_t at = 0; at < record.rdata.size(); strings++) {
        at += 1 + static_cast<uint8_t>(record.rdata[at]);
    }
    memory_ += sizeof(TxtRecord) + record.owner.size() + 2 * record.rdata.size() +
               strings * (sizeof(Entry) + record.owner.size());
    if (memory_ <= kMostMemory) return {};
    return tl::unexpected(
        fmt::format("the zone's AA records take more than {} MB of memory", kMostMemory >> 20));
}

Step ZoneBuilder::change(bool add, const dns::Name& owner, uint16_t type, dns::Bytes rdata) {
    auto record = kept(owner, type, rdata);
    if (!record) return {};
    const auto& old = have_->records;
    const auto changed = changes_.find(*record);
    const bool present = changed != changes_.end()
                             ? changed->second
                             : std::binary_search(old.begin(), old.end(), *record);
    if (present == add) {
        return tl::unexpected(fmt::format("the differences {} a TXT record of {} that is {}",
                                          add ? "add" : "remove", record->owner,
                                          add ? "there already" : "not there"));
    }
    if (changes_.size() == kMostRecords) return tl::unexpected(std::string("too many differences"));
    if (auto fits = weigh(*record); !fits) return fits;
    changes_.insert_or_assign(std::move(*record), add);
    return {};
}

void ZoneBuilder::apply_changes() {
    auto& records = out_->records;
    records.clear();
    records.reserve(have_->records.size() + changes_.size());
    for (const auto& record : have_->records) {
        if (changes_.find(record) == changes_.end()) records.push_back(record);
    }
    for (const auto& [record, came] : changes_) {
        if (came) records.push_back(record);
    }
}

void ZoneBuilder::read(const TxtRecord& record) {
    const auto found = dns::aa_of_txt(bytes_of(record.rdata));
    for (const auto& bad : found.bad) warn(fmt::format("{}: {}", record.owner, bad.text));
    if (found.good.empty()) return;
    const bool apex = record.owner == zone_.lower().str();
    if (apex || record.owner.rfind("*.", 0) == 0) {
        return warn(fmt::format("{}: {} publishes no host, its AA records are skipped",
                                record.owner, apex ? "the zone's own name" : "a wildcard"));
    }
    for (const auto& aa : found.good) {
        out_->entries.push_back({record.owner, gw_text(aa), aa.ref});
    }
}

void ZoneBuilder::warn(std::string text) {
    if (out_->warnings.size() < kMostWarnings) return out_->warnings.push_back(std::move(text));
    out_->more_warnings++;
}

std::shared_ptr<const Zone> ZoneBuilder::finish(uint32_t serial, bool differences) {
    out_->serial = serial;
    if (differences) apply_changes();
    in_order(out_->records);
    out_->entries.reserve(out_->records.size());
    for (const auto& record : out_->records) read(record);
    in_order(out_->entries);
    return std::move(out_);
}

}  // namespace ipref::agent

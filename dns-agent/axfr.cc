// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/axfr.h"

#include <algorithm>

#include "common/dns/aa.h"

namespace ipref::agent {

namespace {

std::string gw_text(const dns::Aa& aa) {
    if (const auto* ip = std::get_if<net::Ip>(&aa.gw)) return ip->str();
    return std::get<dns::Name>(aa.gw).lower().str();
}

}  // namespace

AxfrStream::AxfrStream(const dns::Name& zone, uint16_t id)
    : stream_(zone, id,
              {.record = [this](const dns::MessageReader&,
                                const dns::RecordView& view) -> tl::expected<void, std::string> {
                   return view.type == dns::rr::kTxt ? txt(view)
                                                     : tl::expected<void, std::string>();
               },
               .skipped = [this](std::string text) { warn(std::move(text)); },
               .message = nullptr}) {}

tl::expected<void, std::string> AxfrStream::txt(const dns::RecordView& view) {
    const auto records = dns::aa_of_txt(view.rdata);
    if (records.good.empty() && records.bad.empty()) return {};
    const auto owner = view.owner.lower().str();
    for (const auto& bad : records.bad) warn(fmt::format("{}: {}", owner, bad.text));
    for (const auto& aa : records.good) {
        if (result_.entries.size() == kMostEntries) {
            return tl::unexpected(
                fmt::format("the zone has more than {} AA records", kMostEntries));
        }
        result_.entries.push_back({owner, gw_text(aa), aa.ref});
    }
    return {};
}

void AxfrStream::warn(std::string text) {
    if (result_.warnings.size() < kMostWarnings) return result_.warnings.push_back(std::move(text));
    result_.more_warnings++;
}

Zone AxfrStream::take() {
    result_.serial = stream_.serial();
    std::sort(result_.entries.begin(), result_.entries.end());
    const auto end = std::unique(result_.entries.begin(), result_.entries.end());
    result_.entries.erase(end, result_.entries.end());
    return std::move(result_);
}

}  // namespace ipref::agent

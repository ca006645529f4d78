// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/local_zone.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/dns/answer.h"

namespace ipref::agent {

namespace {

constexpr size_t kMostAddresses = 64;  // of one name

bool is_wildcard(const dns::Name& name) {
    const auto label = name.first_label();
    return label.size() == 1 && label[0] == '*';
}

}  // namespace

LocalZone::Step LocalZone::add(const dns::MessageReader& reader, const dns::RecordView& view) {
    const auto type = view.type;
    const bool address = type == dns::rr::kA || type == dns::rr::kAaaa;
    const bool delegation = type == dns::rr::kNs && view.owner != zone_;
    if (type == dns::rr::kDname || is_wildcard(view.owner)) made_up_ = true;
    if (!address && type != dns::rr::kCname && !delegation) return {};
    if (++records_ > kMostRecords) {
        return tl::unexpected(fmt::format("the zone has more than {} records", kMostRecords));
    }
    if (delegation) {
        cuts_.insert(view.owner);
        return {};
    }
    return address ? add_address(view) : add_alias(reader, view);
}

LocalZone::Step LocalZone::add_alias(const dns::MessageReader& reader,
                                     const dns::RecordView& view) {
    const auto target = reader.rdata_name(view);
    if (!target) return tl::unexpected("malformed CNAME of " + view.owner.str());
    nodes_[view.owner].alias = *target;
    return {};
}

LocalZone::Step LocalZone::add_address(const dns::RecordView& view) {
    const auto family = view.type == dns::rr::kA ? net::Family::v4 : net::Family::v6;
    if (view.rdata.size() != net::address_size(family)) {
        return tl::unexpected("malformed address of " + view.owner.str());
    }
    auto& node = nodes_[view.owner];
    if (node.ips.size() < kMostAddresses) node.ips.emplace_back(family, view.rdata.data());
    return {};
}

bool LocalZone::cut_off(const dns::Name& name) const {
    if (cuts_.empty()) return false;
    for (size_t up = 0; name.labels() - up > zone_.labels(); up++) {
        if (cuts_.count(name.without(up)) != 0) return true;
    }
    return false;
}

std::optional<Found> LocalZone::find(const dns::Name& name, net::Family family) const {
    auto at = name;
    Found found;
    for (size_t i = 0; i <= dns::kMaxChain; i++) {
        if (!at.is_under(zone_) || cut_off(at)) return std::nullopt;
        const auto node = nodes_.find(at);
        if (node == nodes_.end()) {
            if (made_up_) return std::nullopt;
            found.why = "does not exist";
            return found;
        }
        if (node->second.alias) {
            at = *node->second.alias;
            continue;
        }
        for (const auto& ip : node->second.ips) {
            if (ip.family() == family) found.ips.push_back(ip);
        }
        if (found.ips.empty()) {
            found.why = fmt::format("has no {} record", family == net::Family::v4 ? "A" : "AAAA");
        }
        return found;
    }
    found.why = fmt::format("leads to more than {} CNAMEs", dns::kMaxChain);
    return found;
}

std::vector<dns::Name> LocalZone::names_under(const dns::Name& to) const {
    std::vector<dns::Name> names;
    for (const auto& [name, node] : nodes_) {
        if (name.labels() != zone_.labels() + 1 || is_wildcard(name)) continue;
        if (const auto there = to.with_label(name.first_label())) names.push_back(*there);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "resolver/server/config.h"

namespace ipref::resolver {

namespace {

std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The name without its first label.
Bytes parent(Bytes name) {
    return name.subspan(name[0] + 1U);
}

}  // namespace

bool Routes::add(const Name& zone, Block& block) {
    const auto known = index_.find(as_text(zone.wire()));
    if (known == index_.end()) {
        auto& added = zones_.emplace_back(Zone{zone, &block});
        index_.emplace(as_text(added.name.wire()), &added);
        most_labels_ = std::max(most_labels_, zone.labels());
        return true;
    }
    auto* last = known->second;
    while (last->next != nullptr) last = last->next;
    if (last->block->settings.filter == nullptr) return false;
    last->next = &zones_.emplace_back(Zone{zone, &block});
    return true;
}

const Routes::Zone* Routes::find(Bytes lower, const Request* request) const {
    const auto found = index_.find(as_text(lower));
    if (found == index_.end()) return nullptr;
    for (const Zone* zone = found->second; zone != nullptr; zone = zone->next) {
        const auto* filter = zone->block->settings.filter.get();
        if (filter == nullptr || (request != nullptr && filter->accepts(*request))) return zone;
    }
    return nullptr;
}

const Routes::Zone* Routes::choose(const Name& lower, uint16_t type, const Request* request) const {
    const Bytes root = lower.wire().last(1);
    Bytes rest = lower.wire();
    const Zone* own = nullptr;
    if (type == dns::rr::kDs && !lower.is_root()) {
        own = find(rest, request);
        if (own != nullptr && !own->block->has_plugins) return own;
        rest = parent(rest);
        for (; rest.size() > 1; rest = parent(rest)) {
            if (const auto* zone = find(rest, request)) return zone;
        }
        return own != nullptr ? own : find(root, request);
    }
    for (size_t labels = lower.labels(); labels > most_labels_; labels--) rest = parent(rest);
    for (; rest.size() > 1; rest = parent(rest)) {
        if (const auto* zone = find(rest, request)) return zone;
    }
    return find(root, request);
}

bool Routes::debug() const {
    return std::any_of(zones_.begin(), zones_.end(),
                       [](const Zone& zone) { return zone.block->settings.debug; });
}

}  // namespace ipref::resolver

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
    if (find(zone.wire()) != nullptr) return false;
    const auto& added = zones_.emplace_back(Zone{zone, &block});
    index_.emplace(as_text(added.name.wire()), &added);
    most_labels_ = std::max(most_labels_, zone.labels());
    return true;
}

const Routes::Zone* Routes::find(Bytes lower) const {
    const auto found = index_.find(as_text(lower));
    return found == index_.end() ? nullptr : found->second;
}

const Routes::Zone* Routes::choose(const Name& lower, uint16_t type) const {
    const Bytes root = lower.wire().last(1);
    Bytes rest = lower.wire();
    const Zone* own = nullptr;
    if (type == dns::rr::kDs && !lower.is_root()) {
        own = find(rest);
        if (own != nullptr && !own->block->has_plugins) return own;
        rest = parent(rest);
        for (; rest.size() > 1; rest = parent(rest)) {
            if (const auto* zone = find(rest)) return zone;
        }
        return own != nullptr ? own : find(root);
    }
    for (size_t labels = lower.labels(); labels > most_labels_; labels--) rest = parent(rest);
    for (; rest.size() > 1; rest = parent(rest)) {
        if (const auto* zone = find(rest)) return zone;
    }
    return find(root);
}

bool Routes::debug() const {
    return std::any_of(zones_.begin(), zones_.end(),
                       [](const Zone& zone) { return zone.block->settings.debug; });
}

}  // namespace ipref::resolver

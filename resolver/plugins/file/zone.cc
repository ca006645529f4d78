// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/file/zone.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace ipref::resolver {

namespace {

constexpr size_t kChunk = 65'536;

size_t hash_of(Bytes lower) {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(lower.data()), lower.size()});
}

Bytes parent_of(Bytes name) {
    return name.subspan(name[0] + 1U);
}

size_t label_count(Bytes name) {
    size_t count = 0;
    for (; name[0] != 0; name = parent_of(name)) count++;
    return count;
}

/// Starts of the labels of `name`, leftmost first.
size_t label_starts(Bytes name, std::array<uint8_t, dns::kMaxLabels>& starts) {
    size_t count = 0;
    for (size_t at = 0; name[at] != 0; at += name[at] + 1U) {
        starts[count++] = static_cast<uint8_t>(at);
    }
    return count;
}

/// Bytes that compare as the names do: labels from the right in lower case, each ended by a zero;
/// zeros and ones inside labels are escaped so that they sort behind it.
std::string sort_key(Bytes name) {
    std::array<uint8_t, dns::kMaxLabels> starts;
    std::string key;
    key.reserve(name.size());
    for (size_t i = label_starts(name, starts); i-- > 0;) {
        const size_t at = starts[i];
        for (size_t j = at + 1; j <= at + name[at]; j++) {
            const uint8_t byte = dns::lower_byte(name[j]);
            if (byte <= 1) key += '\x01';
            key += static_cast<char>(byte <= 1 ? byte + 1 : byte);
        }
        key += '\0';
    }
    return key;
}

}  // namespace

uint32_t Zone::find(Bytes lower) const {
    const size_t mask = index_.size() - 1;
    for (size_t slot = hash_of(lower) & mask;; slot = (slot + 1) & mask) {
        const uint32_t index = index_[slot];
        if (index == kNoNode) return kNoNode;
        const auto name = nodes_[index].name();
        if (name.size() == lower.size() && dns::same_bytes(name, lower)) return index;
    }
}

uint32_t Zone::encloser(Bytes lower) const {
    for (Bytes above = lower; above.size() > origin_.size();) {
        above = parent_of(above);
        const uint32_t index = find(above);
        if (index != kNoNode) return index;
    }
    return 0;
}

uint32_t Zone::at_or_before(const Name& name) const {
    const auto key = sort_key(name.wire());
    const auto after = std::upper_bound(
        nodes_.begin(), nodes_.end(), key,
        [](const std::string& k, const ZoneNode& node) { return k < sort_key(node.name()); });
    return after == nodes_.begin() ? 0 : static_cast<uint32_t>(after - nodes_.begin() - 1);
}

const RrSet* Zone::set(const ZoneNode& node, uint16_t type) const {
    for (const auto& set : sets(node)) {
        if (set.type == type) return &set;
    }
    return nullptr;
}

const uint8_t* ZoneBuilder::keep(Bytes bytes) {
    if (chunks_.empty() || chunk_used_ + bytes.size() > chunk_size_) {
        chunk_size_ = std::max(kChunk, bytes.size());
        chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(chunk_size_));
        chunk_used_ = 0;
    }
    uint8_t* const at = chunks_.back().get() + chunk_used_;
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    chunk_used_ += bytes.size();
    return at;
}

void ZoneBuilder::add(const Name& owner, uint16_t type, uint32_t ttl, Bytes rdata) {
    if (!owner.is_under(origin_)) {
        foreign_.push_back({.owner = keep(owner.wire()),
                            .owner_size = static_cast<uint8_t>(owner.size()),
                            .type = type,
                            .record = {keep(rdata), ttl, static_cast<uint16_t>(rdata.size())}});
        return;
    }
    const bool again =
        !entries_.empty() &&
        Bytes(entries_.back().owner, entries_.back().owner_size).size() == owner.size() &&
        std::memcmp(entries_.back().owner, owner.wire().data(), owner.size()) == 0;
    const uint8_t* const kept = again ? entries_.back().owner : keep(owner.wire());
    entries_.push_back({.key = sort_key(owner.wire()),
                        .owner = kept,
                        .owner_size = static_cast<uint8_t>(owner.size()),
                        .type = type,
                        .size = static_cast<uint16_t>(rdata.size()),
                        .ttl = ttl,
                        .data = keep(rdata)});
}

uint32_t ZoneBuilder::add_node(Zone& zone, const uint8_t* owner, uint8_t size) {
    zone.nodes_.push_back({.owner = owner,
                           .owner_size = size,
                           .first_set = static_cast<uint32_t>(zone.sets_.size())});
    return static_cast<uint32_t>(zone.nodes_.size() - 1);
}

/// Leaves in `path` the nodes of the names above `owner`, from the origin down, making those that
/// are missing. Names come in order, so that a missing one is next.
void ZoneBuilder::add_ancestors(Zone& zone, Bytes owner, std::vector<uint32_t>& path) {
    const size_t depth = label_count(owner) - origin_.labels();
    std::array<uint8_t, dns::kMaxLabels> starts;
    label_starts(owner, starts);
    for (size_t level = 0; level < depth; level++) {
        const size_t last_cut = starts[depth - 1 - level];
        const Bytes above = owner.subspan(last_cut + owner[last_cut] + 1U);
        const bool there = level < path.size() &&
                           zone.nodes_[path[level]].owner_size == above.size() &&
                           dns::same_bytes(zone.nodes_[path[level]].name(), above);
        if (there) continue;
        path.resize(level);
        path.push_back(add_node(zone, above.data(), static_cast<uint8_t>(above.size())));
    }
    path.resize(depth);
}

void ZoneBuilder::lay_out(Zone& zone) {
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        const int order = a.key.compare(b.key);
        return order != 0 ? order < 0 : a.type < b.type;
    });
    std::vector<uint32_t> path;
    const std::string* last = nullptr;
    std::unordered_set<std::string_view> seen;  // data of the current set
    for (const auto& entry : entries_) {
        if (last == nullptr || *last != entry.key) {
            add_ancestors(zone, {entry.owner, entry.owner_size}, path);
            path.push_back(add_node(zone, entry.owner, entry.owner_size));
            last = &entry.key;
        }
        auto& node = zone.nodes_.back();
        const bool same_set = node.sets > 0 && zone.sets_.back().type == entry.type;
        if (!same_set) {
            zone.sets_.push_back({entry.type, static_cast<uint32_t>(zone.records_.size()), 0});
            node.sets++;
        }
        auto& set = zone.sets_.back();
        if (!same_set) seen.clear();
        const std::string_view data(reinterpret_cast<const char*>(entry.data), entry.size);
        if (!seen.insert(data).second) continue;
        zone.records_.push_back({entry.data, entry.ttl, entry.size});
        set.count++;
    }
}

void ZoneBuilder::mark_barriers(Zone& zone) {
    std::vector<uint32_t> path;  // nodes above the current one, by depth
    const size_t top = zone.origin_.labels();
    for (uint32_t i = 0; i < zone.nodes_.size(); i++) {
        auto& node = zone.nodes_[i];
        const size_t depth = label_count(node.name()) - top;
        path.resize(depth);
        if (depth > 0) {
            auto& parent = zone.nodes_[path.back()];
            node.barrier = parent.barrier;
            if (node.barrier == kNoNode && zone.set(parent, dns::rr::kDname) != nullptr) {
                node.barrier = path.back();
            }
            if (node.barrier == kNoNode && zone.set(node, dns::rr::kNs) != nullptr) {
                node.barrier = i;
            }
            if (node.owner[0] == 1 && node.owner[1] == '*') parent.wildcard = i;
        }
        path.push_back(i);
    }
}

void ZoneBuilder::mark_nsecs(Zone& zone) {
    uint32_t last = kNoNode;
    for (uint32_t i = 0; i < zone.nodes_.size(); i++) {
        if (zone.set(zone.nodes_[i], dns::rr::kNsec) != nullptr) last = i;
        zone.nodes_[i].nsec = last;
    }
}

void ZoneBuilder::make_index(Zone& zone) {
    size_t size = 16;
    while (size < zone.nodes_.size() * 2) size *= 2;
    zone.index_.assign(size, kNoNode);
    for (uint32_t i = 0; i < zone.nodes_.size(); i++) {
        std::array<uint8_t, dns::kMaxName> lower;
        const auto name = zone.nodes_[i].name();
        std::transform(name.begin(), name.end(), lower.begin(), dns::lower_byte);
        size_t slot = hash_of(Bytes(lower).first(name.size())) & (size - 1);
        while (zone.index_[slot] != kNoNode) slot = (slot + 1) & (size - 1);
        zone.index_[slot] = i;
    }
}

Result<std::shared_ptr<const Zone>> ZoneBuilder::build() {
    std::shared_ptr<Zone> zone(new Zone);
    zone->origin_ = origin_;
    lay_out(*zone);
    entries_.clear();
    const bool has_apex = !zone->nodes_.empty() && zone->nodes_[0].owner_size == origin_.size();
    const auto* soa = has_apex ? zone->set(zone->nodes_[0], dns::rr::kSoa) : nullptr;
    if (soa == nullptr) return fail("has no SOA record for origin {}", origin_.str());
    if (soa->count > 1) return fail("has {} SOA records for origin {}", soa->count, origin_.str());
    constexpr size_t kNumbers = 20;  // serial, refresh, retry, expire, minimum
    const auto data = zone->records(*soa)[0].rdata();
    const auto numbers = data.subspan(data.size() - kNumbers);
    zone->serial_ = static_cast<uint32_t>(numbers[0]) << 24 |
                    static_cast<uint32_t>(numbers[1]) << 16 |
                    static_cast<uint32_t>(numbers[2]) << 8 | numbers[3];
    mark_barriers(*zone);
    mark_nsecs(*zone);
    make_index(*zone);
    zone->foreign_ = std::move(foreign_);
    zone->chunks_ = std::move(chunks_);
    return zone;
}

}  // namespace ipref::resolver

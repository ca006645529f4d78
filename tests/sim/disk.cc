// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/disk.h"

#include <algorithm>

namespace ipref::gw::sim {

namespace {

const std::pair<StoreTable, std::vector<uint8_t>> kTime{StoreTable::meta, {'t', 'i', 'm', 'e'}};

}  // namespace

bool SimDisk::read(const OnOwner& on_owner, const OnMapping& on_mapping) const {
    for (const auto& [key, value] : records_) {
        if (key.first != StoreTable::owner) continue;
        const auto owner = parse_owner(key.second, value);
        if (!owner) return false;
        on_owner(*owner);
    }
    for (const auto& [key, value] : records_) {
        if (key.first != StoreTable::remote && key.first != StoreTable::local) continue;
        const auto mapping = parse_mapping(key.first, key.second, value);
        if (!mapping) return false;
        on_mapping(*mapping);
    }
    return true;
}

size_t SimDisk::count(Relation relation) const {
    const auto table = relation == Relation::remote ? StoreTable::remote : StoreTable::local;
    return static_cast<size_t>(std::ranges::count_if(
        records_, [&](const auto& record) { return record.first.first == table; }));
}

Seconds SimDisk::time() const {
    const auto found = records_.find(kTime);
    return found == records_.end() ? 0 : parse_store_number("time", found->second).value_or(0);
}

void SimDisk::put(const StoreItem& item) {
    if (item.value.empty()) {
        records_.erase({item.table, item.key});
    } else {
        records_[{item.table, item.key}] = item.value;
    }
}

Result<void> SimDisk::write(const Units& units, Seconds time, bool clear) {
    if (mode == Mode::full) return fail("no space left");
    if (clear) records_.clear();
    for (const auto& unit : units) {
        for (const auto& change : unit) put(store_item(change));
    }
    put(store_number("time", time));
    landed_++;
    if (mode == Mode::lies) return fail("input/output error");
    return {};
}

bool SimDisk::tear(Chance& chance) {
    std::vector<Key> keys;
    for (const auto& [key, value] : records_) {
        if (key.first != StoreTable::meta) keys.push_back(key);
    }
    if (keys.empty()) return false;
    auto& value = records_[chance.of(keys)];
    if (chance.one_in(3)) {
        value.resize(chance.below(value.size()));
    } else {
        value[chance.below(value.size())] ^= static_cast<uint8_t>(chance.from_to(1, 255));
    }
    return torn_ = true;
}

void SimDisk::set_aside() {
    records_.clear();
    torn_ = false;
}

Contents SimDisk::contents() const {
    Contents all;
    read([&](const auto& owner) { all.apply(owner); },
         [&](const auto& mapping) { all.apply(mapping); });
    return all;
}

}  // namespace ipref::gw::sim

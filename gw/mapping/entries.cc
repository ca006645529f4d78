// SPDX-License-Identifier: GPL-2.0-or-later
// One mapping in and out of the table, with what follows from it: lists, counts, journal.
#include <algorithm>
#include <bit>
#include <memory>

#include "gw/mapping/table_impl.h"

namespace ipref::gw {

MappingRecord Table::Impl::record_of(const Entry& entry) {
    return {.relation = entry.relation,
            .resting = false,
            .ip = entry.ip,
            .ipref = entry.ipref,
            .owner = entry.owner,
            .used = entry.used.load(std::memory_order_relaxed),
            .serial = entry.serial};
}

// Before a large set comes in, which would be put into chains of thousands.
void Table::Impl::reserve(Relation relation, size_t set) {
    if (set < kManyEntries) return;
    const RcuAway away;
    const std::lock_guard lock(mutex_);
    const size_t entries = std::max(rows(relation).size(), set);
    rows(relation).reserve(entries);
    size_tables(relation, entries);
}

void Table::Impl::size_tables(Relation relation, size_t entries) {
    size_t& sized = sized_[static_cast<size_t>(relation)];
    const size_t wanted = std::bit_ceil(entries);
    if (wanted <= sized && wanted >= sized / 4) return;
    if (std::max(wanted, sized) >= kManyEntries) index(relation).reserve(entries);
    sized = wanted;
}

void Table::Impl::grow_tables() {
    const RcuAway away;
    for (const auto relation : {Relation::remote, Relation::local}) {
        std::unique_lock lock(mutex_);
        const size_t entries = rows(relation).size();
        lock.unlock();  // growing takes long, and packets may go on
        size_tables(relation, entries);
    }
}

Entry* Table::Impl::insert(const MappingRecord& record, bool journal) {
    auto made = std::make_unique<Entry>();
    Entry* entry = made.get();
    entry->relation = record.relation;
    entry->ip = record.ip;
    entry->ipref = record.ipref;
    entry->owner = record.owner;
    entry->serial = record.serial;
    entry->stored = record.used;
    entry->used.store(record.used, std::memory_order_relaxed);
    auto& list = rows(record.relation);
    entry->row = static_cast<uint32_t>(list.size());
    list.push_back(entry);
    const auto family =
        record.relation == Relation::remote ? record.ip.family() : record.ipref.ip.family();
    if (record.owner == kDynamic) dynamic_count(record.relation, family)++;
    if (const auto owner = owners_.find(record.owner); owner != owners_.end()) {
        owner->second.mappings++;
        statics_++;
    }
    // A number that a static claims no longer rests, else its rest would end by erasing the static.
    if (record.relation == Relation::remote) resting_eas_.remove(record.ip);
    if (record.relation == Relation::local) resting_refs_.remove(record.ipref);
    index(record.relation).add(made.release());
    if (watch_) watch_();
    if (journal && journal_ != nullptr) changes_.emplace_back(record);
    if (observer_) observer_(Event::made, row_of(*entry));
    return entry;
}

void Table::Impl::drop(Entry* entry, Event event) {
    if (observer_) observer_(event, row_of(*entry));
    index(entry->relation).remove(entry);
    if (watch_) watch_();
    auto& list = rows(entry->relation);
    list[entry->row] = list.back();
    list[entry->row]->row = entry->row;
    list.pop_back();
    const auto family =
        entry->relation == Relation::remote ? entry->ip.family() : entry->ipref.ip.family();
    if (entry->owner == kDynamic) dynamic_count(entry->relation, family)--;
    if (const auto owner = owners_.find(entry->owner); owner != owners_.end()) {
        owner->second.mappings--;
        statics_--;
    }
    if (entry->relation == Relation::remote) dropped_.push_back(entry->ipref);
    retired_.push_back(entry);
    if (leaves_free_ea(*entry)) return rest(*entry);
    if (journal_ != nullptr) {
        changes_.emplace_back(EraseMapping{entry->relation, entry->ip, entry->ipref});
    }
}

// Who remembers the address must not find another host behind it, however the mapping has ended.
bool Table::Impl::leaves_free_ea(const Entry& dropped) const {
    return dropped.relation == Relation::remote &&
           is_dynamic_address(*config_.encode_net(dropped.ip.family()), dropped.ip) &&
           remote_.ea(dropped.ip) == nullptr;
}

void Table::Impl::rest(const Entry& dropped) {
    MappingRecord record = record_of(dropped);
    record.resting = true;
    record.owner = kDynamic;
    record.used = clock_.now();
    if (record.relation == Relation::remote) resting_eas_.add(record.ip, record.used);
    if (record.relation == Relation::local) resting_refs_.add(record.ipref, record.used);
    if (journal_ != nullptr) changes_.emplace_back(record);
}

void Table::Impl::expire(Entry* entry) {
    drop(entry, Event::expired);
    if (entry->relation == Relation::local) rest(*entry);  // stored in place of the erasure
}

void Table::Impl::adopt(Entry* entry, OwnerId owner) {
    const auto family =
        entry->relation == Relation::remote ? entry->ip.family() : entry->ipref.ip.family();
    if (entry->owner == kDynamic) {
        dynamic_count(entry->relation, family)--;
    } else if (const auto old = owners_.find(entry->owner); old != owners_.end()) {
        old->second.mappings--;
        statics_--;
    }
    entry->owner = owner;
    owners_.at(owner).mappings++;
    statics_++;
    if (journal_ != nullptr) changes_.emplace_back(record_of(*entry));
}

void Table::Impl::finish(std::unique_lock<std::mutex>& lock) {
    if (!changes_.empty()) journal_->record(std::exchange(changes_, {}));
    if (!retired_.empty()) retire(std::exchange(retired_, {}));
    if (dropped_.empty()) return;
    const auto dropped = std::exchange(dropped_, {});
    const auto listener = on_dropped_;
    lock.unlock();
    if (listener) listener(dropped);
}

}  // namespace ipref::gw

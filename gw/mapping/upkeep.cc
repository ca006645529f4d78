// SPDX-License-Identifier: GPL-2.0-or-later
// Expiry, restoring, and listings.
#include <algorithm>

#include "gw/mapping/expiry.h"
#include "gw/mapping/table_impl.h"

namespace ipref::gw {

namespace {

// A use stamp goes to the store when it has moved on by this much; restore() adds as much again,
// so that a restart never ends a mapping early.
constexpr Seconds kStampStored = 15 * 60;

/// Most rows one call of page() looks at: less than a millisecond under the lock, which packets
/// that need a new mapping wait for.
constexpr size_t kScan = 5'000;

// A cursor: the relation in bit 32, below it how many rows of it are left, counted from the end of
// the list: what a removal moves lies in the part that has been seen.
constexpr uint64_t kLocalCursor = uint64_t{1} << 32;
constexpr uint64_t kRemoteCursor = uint64_t{1} << 33;

bool passes(const MappingFilter& filter, const Entry& entry) {
    return (!filter.ip || *filter.ip == entry.ip) && (!filter.gw || *filter.gw == entry.ipref.ip) &&
           (!filter.ref || *filter.ref == entry.ipref.ref);
}

}  // namespace

void Table::Impl::sweep_entry(Entry* entry) {
    if (entry->owner != kDynamic) return;
    if (has_expired(entry->used.load(std::memory_order_relaxed), clock_.now(), kMappingLife)) {
        expire(entry);
    } else {
        store_stamp(entry);
    }
}

void Table::Impl::store_stamp(Entry* entry) {
    const Seconds used = entry->used.load(std::memory_order_relaxed);
    if (entry->owner != kDynamic || used - entry->stored < kStampStored) return;
    entry->stored = used;
    if (journal_ != nullptr) changes_.emplace_back(record_of(*entry));
}

void Table::Impl::sweep_rows(size_t most) {
    const auto& remote = rows(Relation::remote);
    const auto& local = rows(Relation::local);
    most = std::min(most, remote.size() + local.size());
    for (; most > 0; most--) {
        sweep_at_ = std::min<uint64_t>(sweep_at_, remote.size() + local.size());
        if (sweep_at_ == 0) sweep_at_ = remote.size() + local.size();
        if (sweep_at_ == 0) return;
        const size_t at = --sweep_at_;  // downwards: a removal moves a row that has been seen
        sweep_entry(at < local.size() ? local[at] : remote[at - local.size()]);
    }
}

void Table::Impl::sweep_owners() {
    std::vector<OwnerId> over;
    for (const auto& [id, owner] : owners_) {
        if (owner.record.expires &&
            has_expired(owner.record.confirmed, clock_.now(), kMappingLife)) {
            over.push_back(id);
        }
    }
    for (const OwnerId id : over) drop_owner(id);
}

void Table::Impl::sweep_rest(size_t most) {
    for (size_t i = 0; i < most; i++) {
        const auto ea = resting_eas_.take_rested(clock_.now(), kMappingRest);
        if (!ea) break;
        if (journal_ != nullptr) changes_.emplace_back(EraseMapping{Relation::remote, *ea, {}});
    }
    for (size_t i = 0; i < most; i++) {
        const auto ipref = resting_refs_.take_rested(clock_.now(), kMappingRest);
        if (!ipref) break;
        if (journal_ != nullptr) changes_.emplace_back(EraseMapping{Relation::local, {}, *ipref});
    }
}

void Table::sweep(size_t most) {
    impl_->grow_tables();
    const Impl::Write write(*impl_);
    impl_->sweep_rows(most);
    impl_->sweep_owners();
    impl_->sweep_rest(most);
}

void Table::reserve(size_t remote, size_t local) {
    impl_->reserve(Relation::remote, remote);
    impl_->reserve(Relation::local, local);
}

bool Table::restore(const OwnerRecord& owner) {
    const Impl::Write write(*impl_);
    if (owner.id <= kGatewayItself || impl_->find_owner(owner.name) != nullptr) return false;
    impl_->owners_[owner.id].record = owner;
    impl_->last_owner_ = std::max(impl_->last_owner_, owner.id);
    return true;
}

bool Table::restore(const MappingRecord& stored) {
    const Impl::Write write(*impl_);
    MappingRecord record = stored;
    const auto& config = impl_->config_;
    if (record.owner == kGatewayItself) return false;
    if (record.owner != kDynamic && !impl_->owners_.contains(record.owner)) return false;
    const Seconds now = impl_->clock_.now();
    if (record.relation == Relation::remote) {
        const net::Cidr* net = config.encode_net(record.ip.family());
        if (net == nullptr || !net->contains(record.ip)) return false;
        if (record.resting) return impl_->resting_eas_.add(record.ip, record.used), true;
        if (record.ip == MappingConfig::own_ea(*net)) return false;
        if (impl_->refuse(record.ipref, record.ip.family())) return false;
    } else {
        const net::Ip* gateway = config.gateway(record.ipref.ip.family());
        if (gateway == nullptr) return false;
        if (record.resting) return impl_->resting_refs_.add(record.ipref, record.used), true;
        if (config.in_encode_net(record.ip)) return false;
        // Peers answer to the context address that they were told: it must be ours still.
        if (record.owner == kDynamic && record.ipref.ip != *gateway) return false;
        if (impl_->local_.ours(record.ipref, false) != nullptr) return false;
    }
    impl_->serial_ = std::max(impl_->serial_, record.serial);
    record.used = std::min(now, record.used + kStampStored);
    impl_->insert(record, false)->stored = stored.used;
    return true;
}

std::vector<Change> Table::snapshot() const {
    const std::lock_guard lock(impl_->mutex_);
    std::vector<Change> all;
    for (const auto& [id, owner] : impl_->owners_) all.emplace_back(owner.record);
    for (const auto& list : impl_->rows_) {
        for (const Entry* entry : list) {
            if (entry->owner != kGatewayItself) all.emplace_back(Impl::record_of(*entry));
        }
    }
    impl_->resting_eas_.each([&](const net::Ip& ea, Seconds since) {
        all.emplace_back(MappingRecord{
            .relation = Relation::remote, .resting = true, .ip = ea, .ipref = {}, .used = since});
    });
    impl_->resting_refs_.each([&](const net::IpRef& ipref, Seconds since) {
        all.emplace_back(MappingRecord{
            .relation = Relation::local, .resting = true, .ip = {}, .ipref = ipref, .used = since});
    });
    return all;
}

MappingRow Table::Impl::row_of(const Entry& entry) const {
    Seconds lifetime = 0;
    if (entry.owner == kDynamic) {
        const Seconds used = entry.used.load(std::memory_order_relaxed);
        lifetime = std::max<Seconds>(1, left_of(used, clock_.now(), kMappingLife));
    }
    return {entry.relation, entry.ip, entry.ipref, owner_name(entry.owner), lifetime};
}

MappingPage Table::page(uint64_t cursor, size_t most, const MappingFilter& filter) const {
    const std::lock_guard lock(impl_->mutex_);
    MappingPage page;
    // Ours first: they are few, and a page of what is published need not look through the rest.
    Relation relation = (cursor & kRemoteCursor) != 0 ? Relation::remote : Relation::local;
    size_t left = cursor == 0 ? SIZE_MAX : cursor & UINT32_MAX;
    for (size_t scanned = 0;; scanned++) {
        const auto& list = impl_->rows(relation);
        left = std::min(left, list.size());
        if (left == 0) {
            if (relation == Relation::remote) return page;
            relation = Relation::remote;
            left = SIZE_MAX;
            continue;
        }
        if (page.rows.size() >= most || scanned >= kScan) break;
        const Entry& entry = *list[--left];
        if (!passes(filter, entry)) continue;
        MappingRow row = impl_->row_of(entry);
        if (filter.owner.empty() || filter.owner == row.owner) page.rows.push_back(std::move(row));
    }
    page.next = (relation == Relation::local ? kLocalCursor : kRemoteCursor) | left;
    return page;
}

size_t Table::count(Relation relation) const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->rows(relation).size() - (relation == Relation::local ? impl_->own_ : 0);
}

size_t Table::resting() const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->resting_eas_.size() + impl_->resting_refs_.size();
}

std::vector<Usage> Table::usage() const {
    const std::lock_guard lock(impl_->mutex_);
    const MappingConfig& config = impl_->config_;
    std::vector<Usage> all;
    for (const auto& net : config.encode_nets) {
        const uint64_t most = impl_->most_eas(net);
        all.push_back(
            {Usage::Of::remote, net.family(),
             impl_->dynamic_count(Relation::remote, net.family()) + impl_->resting_eas_.size(),
             most, impl_->for_packets(most)});
    }
    for (const auto& gateway : config.gateways) {
        all.push_back(
            {Usage::Of::local, gateway.family(),
             impl_->dynamic_count(Relation::local, gateway.family()) + impl_->resting_refs_.size(),
             config.limits.dynamic, config.limits.dynamic});
    }
    all.push_back({Usage::Of::statics, net::Family::v4, impl_->statics_, config.limits.statics,
                   config.limits.statics});
    all.push_back({Usage::Of::owners, net::Family::v4, impl_->owners_.size(), config.limits.owners,
                   config.limits.owners});
    return all;
}

std::vector<OwnerStatus> Table::owners() const {
    const std::lock_guard lock(impl_->mutex_);
    std::vector<OwnerStatus> all;
    for (const auto& [id, owner] : impl_->owners_) {
        const Seconds now = impl_->clock_.now();
        const Seconds confirmed = std::min(now, owner.record.confirmed);
        all.push_back({owner.record.name, owner.mappings, owner.record.has_hash, owner.record.hash,
                       now - confirmed, owner.record.expires});
    }
    return all;
}

}  // namespace ipref::gw

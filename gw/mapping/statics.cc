// SPDX-License-Identifier: GPL-2.0-or-later
// Owners and their static sets.
#include <algorithm>
#include <utility>

#include "gw/mapping/table_impl.h"

namespace ipref::gw {

namespace {

constexpr size_t kReasons = 8;

std::string describe(const StaticMapping& mapping) {
    return fmt::format("{} = {}", mapping.ip.str(), mapping.ipref.str());
}

void reject(SetOutcome& outcome, const StaticMapping& mapping, std::string_view why) {
    outcome.rejected++;
    if (outcome.reasons.size() < kReasons) {
        outcome.reasons.push_back(fmt::format("{}: {}", describe(mapping), why));
    }
}

}  // namespace

Owner* Table::Impl::find_owner(std::string_view name) {
    const auto found = std::ranges::find_if(
        owners_, [&](const auto& item) { return item.second.record.name == name; });
    return found == owners_.end() ? nullptr : &found->second;
}

Owner* Table::Impl::owner_for(const OwnerName& name, SetOutcome& outcome) {
    Owner* owner = find_owner(name.name);
    if (owner == nullptr) {
        if (owners_.size() >= config_.limits.owners) {
            outcome.rejected++;
            outcome.reasons.push_back(
                fmt::format("{}: more than {} sources", name.name, config_.limits.owners));
            return nullptr;
        }
        owner = &owners_[++last_owner_];
        owner->record.id = last_owner_;
        owner->record.name = name.name;
    }
    owner->record.expires = name.expires;
    owner->priority = name.priority;
    return owner;
}

void Table::Impl::journal_owner(const Owner& owner) {
    if (journal_ != nullptr) changes_.emplace_back(owner.record);
}

std::optional<std::string> Table::Impl::unfit(const StaticMapping& mapping) const {
    const auto& [relation, ip, ipref] = mapping;
    const bool gw_is_ours = config_.gateway(ipref.ip.family()) != nullptr &&
                            *config_.gateway(ipref.ip.family()) == ipref.ip;
    if (config_.gateway(ipref.ip.family()) == nullptr) {
        return "the gateway has no tunnel of the context address's family";
    }
    if (config_.in_encode_net(ipref.ip)) return "the context address is in the encode network";
    if (relation == Relation::remote) {
        const net::Cidr* net = config_.encode_net(ip.family());
        if (net == nullptr || !net->contains(ip))
            return "the address is outside the encode network";
        if (ip == MappingConfig::own_ea(*net)) return "the address is the gateway's own";
        if (!ipref.ip.is_global_unicast()) return "the context address is not unicast";
        return std::nullopt;
    }
    if (config_.in_encode_net(ip)) return "the address is in the encode network";
    if (!ip.is_global_unicast()) return "the address is not unicast";
    if (!gw_is_ours && !ipref.ip.is_global_unicast()) return "the context address is not unicast";
    if (gw_is_ours && ipref.ref == config_.gateway_ref) return "the ref is the gateway's own";
    return std::nullopt;
}

std::optional<std::string> Table::unfit(const StaticMapping& mapping) const {
    return impl_->unfit(mapping);  // of the configuration alone: no lock
}

void Table::Impl::reserve_for(const std::vector<StaticMapping>& set) {
    const auto remote = std::ranges::count(set, Relation::remote, &StaticMapping::relation);
    reserve(Relation::remote, static_cast<size_t>(remote));
    reserve(Relation::local, set.size() - static_cast<size_t>(remote));
}

Table::Impl::Holders Table::Impl::holders_of(const StaticMapping& mapping) const {
    if (mapping.relation == Relation::remote) {
        return {remote_.ea(mapping.ip), remote_.theirs(mapping.ipref, mapping.ip.family())};
    }
    // Under a public address of zero a dynamic ref goes out under whatever context the peer sees,
    // so this one could be mistaken for it.
    Entry* dynamic = nullptr;
    const net::Ip* gateway = config_.gateway(mapping.ipref.ip.family());
    if (gateway != nullptr && gateway->is_zero()) {
        dynamic = local_.ours({*gateway, mapping.ipref.ref}, false);
        if (dynamic != nullptr && dynamic->owner != kDynamic) dynamic = nullptr;
    }
    return {local_.ours(mapping.ipref, false), dynamic};
}

std::optional<std::string> Table::Impl::conflict(const Owner& owner, const StaticMapping& mapping,
                                                 const Holders& holders) const {
    for (const Entry* holder : holders) {
        if (holder == nullptr) continue;
        if (holder->owner == owner.record.id) {
            const bool same = holder->ip == mapping.ip && holder->ipref == mapping.ipref;
            if (!same && holder->set == set_) return "the set holds it twice";
            continue;
        }
        const auto other = owners_.find(holder->owner);
        if (other == owners_.end()) continue;  // dynamic
        if (!owner.priority || other->second.priority) {
            return fmt::format("held by {}", other->second.record.name);
        }
    }
    return std::nullopt;
}

bool Table::Impl::could_hold_more(const Owner& owner) const {
    if (statics_ >= config_.limits.statics) return false;
    return std::ranges::any_of(owner.rejected, [&](const StaticMapping& mapping) {
        if (unfit(mapping)) return false;
        const Holders holders = holders_of(mapping);
        const auto own = [&](const Entry* holder) {
            return holder != nullptr && holder->owner == owner.record.id;
        };
        return std::ranges::none_of(holders, own) && !conflict(owner, mapping, holders);
    });
}

// Who holds what the mapping claims, decided by the rule in table.h. The new mapping goes in
// before an old one goes out, so that readers always find one of the two.
void Table::Impl::claim(Owner& owner, const StaticMapping& mapping, SetOutcome& outcome) {
    const auto refuse_it = [&](std::string_view why) {
        reject(outcome, mapping, why);
        owner.rejected.insert(mapping);
    };
    if (const auto why = unfit(mapping)) return refuse_it(*why);
    Holders holders = holders_of(mapping);
    if (const auto why = conflict(owner, mapping, holders)) return refuse_it(*why);
    for (Entry* holder : holders) {
        if (holder == nullptr || holder->ip != mapping.ip || holder->ipref != mapping.ipref)
            continue;
        if (holder->owner != owner.record.id) adopt(holder, owner.record.id);
        holder->set = set_;
        return;
    }
    if (statics_ >= config_.limits.statics) return refuse_it("too many static mappings");
    Entry* made = insert({.relation = mapping.relation,
                          .ip = mapping.ip,
                          .ipref = mapping.ipref,
                          .owner = owner.record.id,
                          .used = clock_.now(),
                          .serial = ++serial_},
                         false);
    made->set = set_;
    if (holders[1] == holders[0]) holders[1] = nullptr;
    for (Entry* holder : holders) {
        if (holder != nullptr) drop(holder);
    }
    if (journal_ != nullptr) changes_.emplace_back(record_of(*made));  // after the erasures
}

void Table::Impl::finish_set(Owner& owner, std::optional<uint64_t> hash) {
    owner.record.confirmed = clock_.now();
    owner.record.has_hash = hash.has_value();
    owner.record.hash = hash.value_or(0);
    journal_owner(owner);
}

void Table::Impl::drop_owner(OwnerId id) {
    for (auto& list : rows_) {
        for (size_t i = list.size(); i-- > 0;) {
            if (list[i]->owner == id) drop(list[i]);
        }
    }
    owners_.erase(id);
    if (journal_ != nullptr) changes_.emplace_back(EraseOwner{id});
}

SetOutcome Table::replace(const OwnerName& name, const std::vector<StaticMapping>& set,
                          std::optional<uint64_t> hash) {
    SetOutcome outcome;
    impl_->reserve_for(set);
    const Impl::Write write(*impl_);
    impl_->set_++;
    Owner* owner = impl_->owner_for(name, outcome);
    if (owner == nullptr) return outcome;
    owner->rejected.clear();
    for (const auto& mapping : set) impl_->claim(*owner, mapping, outcome);
    for (auto& list : impl_->rows_) {
        for (size_t i = list.size(); i-- > 0;) {
            if (list[i]->owner == owner->record.id && list[i]->set != impl_->set_) {
                impl_->drop(list[i]);
            }
        }
    }
    impl_->finish_set(*owner, hash);
    return outcome;
}

SetOutcome Table::change(const OwnerName& name, const std::vector<StaticMapping>& add,
                         const std::vector<StaticMapping>& remove, std::optional<uint64_t> hash) {
    SetOutcome outcome;
    impl_->reserve_for(add);
    const Impl::Write write(*impl_);
    impl_->set_++;
    Owner* owner = impl_->owner_for(name, outcome);
    if (owner == nullptr) return outcome;
    for (const auto& mapping : add) {
        owner->rejected.erase(mapping);
        impl_->claim(*owner, mapping, outcome);
    }
    for (const auto& mapping : remove) {
        Entry* entry = mapping.relation == Relation::remote
                           ? impl_->remote_.ea(mapping.ip)
                           : impl_->local_.ours(mapping.ipref, false);
        const bool same = entry != nullptr && entry->owner == owner->record.id &&
                          entry->ip == mapping.ip && entry->ipref == mapping.ipref;
        if (same && entry->set != impl_->set_) impl_->drop(entry);
        if (!same) owner->rejected.erase(mapping);
    }
    impl_->finish_set(*owner, hash);
    return outcome;
}

bool Table::withdraw(std::string_view name) {
    const Impl::Write write(*impl_);
    const Owner* owner = impl_->find_owner(name);
    if (owner == nullptr) return false;
    impl_->drop_owner(owner->record.id);
    return true;
}

bool Table::confirm(std::string_view name, uint64_t hash, uint32_t count) {
    const Impl::Write write(*impl_);
    Owner* owner = impl_->find_owner(name);
    if (owner == nullptr || !owner->record.has_hash || owner->record.hash != hash ||
        owner->mappings + owner->rejected.size() != count || impl_->could_hold_more(*owner)) {
        return false;
    }
    owner->record.confirmed = impl_->clock_.now();
    impl_->journal_owner(*owner);
    return true;
}

std::optional<uint64_t> Table::hash_of(std::string_view name) const {
    const std::lock_guard lock(impl_->mutex_);
    const Owner* owner = impl_->find_owner(name);
    if (owner == nullptr || !owner->record.has_hash) return std::nullopt;
    return owner->record.hash;
}

bool Table::takes_change(std::string_view name, uint64_t base) const {
    const Impl::Write write(*impl_);
    const Owner* owner = impl_->find_owner(name);
    return owner != nullptr && owner->record.has_hash && owner->record.hash == base &&
           !impl_->could_hold_more(*owner);
}

std::string Table::Impl::owner_name(OwnerId id) const {
    if (id == kDynamic) return "dynamic";
    if (id == kGatewayItself) return "gateway";
    const auto owner = owners_.find(id);
    return owner == owners_.end() ? "" : owner->second.record.name;
}

}  // namespace ipref::gw

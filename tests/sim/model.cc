// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/model.h"

#include <algorithm>

#include "gw/mapping/allocator.h"

namespace ipref::gw::sim {

namespace {

/// Most that a restart adds to the last use.
constexpr Seconds kMostAdded = 15 * 60;

StaticMapping mapping_of(Relation relation, const Row& row) {
    return {relation, row.ip, row.ipref};
}

bool contains(const std::vector<StaticMapping>& set, const StaticMapping& mapping) {
    return std::ranges::find(set, mapping) != set.end();
}

/// Whether both cannot be held at the same time.
bool clash(const StaticMapping& a, const StaticMapping& b) {
    if (a.relation != b.relation) return false;
    if (a.relation == Relation::local) return a.ipref == b.ipref;
    return a.ip == b.ip || (a.ipref == b.ipref && a.ip.family() == b.ip.family());
}

template <typename Function>
void each_row(const Visible& shown, Function function) {
    for (const auto& [ea, row] : shown.remote) function(Relation::remote, row);
    for (const auto& [ipref, row] : shown.local) function(Relation::local, row);
}

}  // namespace

void Model::attach(Table& table, const Clock& clock) {
    table_ = &table;
    clock_ = &clock;
    table.watch([this] { look(); });
    std::string shared;
    const Visible shown = visible(table, shared);
    if (!shared.empty()) judge_.broken("a restart made two mappings share {}", shared);
    const auto text = difference(visible(ledger_.landed), shown);
    if (!text.empty()) judge_.broken("a restart has changed what is shown: {}", text);
    state_.shown = shown;
    // What one step has made or ended in several units may be on the disk in part.
    std::erase_if(state_.remote_uses, [&](auto& use) { return !shown.remote.contains(use.first); });
    std::erase_if(state_.local_uses, [&](auto& use) { return !shown.local.contains(use.first); });
    for (const auto& [ea, row] : shown.remote) {
        if (row.dynamic())
            state_.remote_uses.try_emplace(ea, stored_use(ledger_.landed.remote.at(ea)));
    }
    for (const auto& [ipref, row] : shown.local) {
        if (row.dynamic())
            state_.local_uses.try_emplace(ipref, stored_use(ledger_.landed.local.at(ipref)));
    }
    check_promises(shown);
    history_.assign(1, {ledger_.units, state_});
}

Model::Use Model::stored_use(const MappingRecord& record) {
    return {record.used, record.used, record.used + kMostAdded};
}

bool Model::over(Seconds since, Seconds life) const {
    return int64_t{clock_->now()} - since >= life;
}

bool Model::is_dynamic_ea(const net::Ip& ea) const {
    return is_dynamic_address(*world_.config.encode_net(ea.family()), ea);
}

size_t Model::statics(const Visible& shown) {
    size_t count = 0;
    each_row(shown, [&](Relation, const Row& row) { count += row.dynamic() ? 0 : 1; });
    return count;
}

// In the middle of a step, after each single change: what readers would find of what was there.
void Model::look() {
    for (const auto& [ea, row] : state_.shown.remote) {
        if (table_->known_ea(row.ipref, ea.family()) != ea) absent_eas_.insert(ea);
        if (row.dynamic()) continue;  // a look by address would count as use
        if (table_->theirs(ea) != row.ipref) absent_eas_.insert(ea);
    }
    for (const auto& [ipref, row] : state_.shown.local) {
        const bool outward = table_->known_ours(row.ip, ipref.ip.family()).has_value();
        if (!outward) absent_refs_.insert(ipref);
        if (row.dynamic()) continue;
        const auto host = table_->host(ipref);
        if (host != row.ip) absent_refs_.insert(ipref);
        if (!host) nobody_refs_.insert(ipref);
    }
    // Under a public address of zero, looking for one context's ref may use another's.
    if (world_.config.gateways[0].is_zero()) {
        for (auto& [ipref, use] : state_.local_uses) use.latest = clock_->now();
    }
}

void Model::check_absent(const Visible& after) {
    for (const auto& ea : absent_eas_) {
        const auto found = after.remote.find(ea);
        if (found != after.remote.end() && found->second.ipref == state_.shown.remote[ea].ipref) {
            judge_.broken("{} was absent for a moment", text_of(found->second));
        }
    }
    for (const auto& ipref : absent_refs_) {
        const auto found = after.local.find(ipref);
        if (found != after.local.end() && found->second.ip == state_.shown.local[ipref].ip) {
            judge_.broken("{} was absent for a moment", text_of(found->second));
        }
    }
    // Also where a ref goes from one host to another, readers find one of the two.
    for (const auto& ipref : nobody_refs_) {
        if (after.local.contains(ipref)) judge_.broken("{} was nobody's for a moment", ipref.str());
    }
    forget_looks();
}

void Model::forget_looks() {
    absent_eas_.clear();
    absent_refs_.clear();
    nobody_refs_.clear();
}

void Model::check(const Cause& cause) {
    std::string shared;
    const Visible after = visible(*table_, shared);
    if (!shared.empty()) judge_.broken("two mappings share {}", shared);
    const auto text = difference(visible(ledger_.now), after);
    if (!text.empty()) judge_.broken("the journal was not told what the table shows: {}", text);
    check_absent(after);
    if (!(after == state_.shown)) {
        check_refs(after);
        each_row(state_.shown, [&](Relation relation, const Row& row) {
            const Row* now = after.find(relation, row);
            if (now == nullptr || *now != row) check_gone(cause, after, relation, row);
        });
        each_row(after, [&](Relation relation, const Row& row) {
            const Row* before = state_.shown.find(relation, row);
            if (before == nullptr || *before != row) check_new(cause, relation, row, before);
        });
    }
    if (!cause.owner.empty()) check_set(cause, after);
    state_.shown = after;
    check_promises(after);
}

void Model::keep() {
    while (history_.size() > 1 && history_[1].first <= ledger_.on_disk) history_.pop_front();
    if (history_.back().first == ledger_.units) history_.pop_back();
    history_.emplace_back(ledger_.units, state_);
}

// Under a public address of zero, a dynamic ref and another's under any context.
bool Model::mistaken(const Row& a, const Row& b) const {
    const auto* gateway = world_.config.gateway(b.ipref.ip.family());
    return gateway->is_zero() && b.dynamic() && a.ipref.ip.family() == gateway->family() &&
           a.ipref != b.ipref && a.ipref.ref == b.ipref.ref;
}

void Model::check_refs(const Visible& after) {
    for (const auto& [ipref, row] : after.local) {
        for (const auto& [other, held] : after.local) {
            if (mistaken(held, row)) {
                judge_.broken("{} can be mistaken for {}", text_of(row), text_of(held));
            }
        }
    }
}

bool Model::may_go_dynamic(const Cause& cause, const Visible& after, Relation relation,
                           const Row& row) const {
    const auto use = [&]() -> Seconds {
        return relation == Relation::remote ? state_.remote_uses.at(row.ip).last
                                            : state_.local_uses.at(row.ipref).last;
    };
    if (cause.sweeps && over(use(), kMappingLife - kUseStamp)) return true;
    bool displaced = false;
    each_row(after, [&](Relation other, const Row& now) {
        displaced |= !cause.owner.empty() && now.owner == cause.owner &&
                     (clash(mapping_of(other, now), mapping_of(relation, row)) ||
                      (relation == Relation::local && other == relation && mistaken(now, row)));
    });
    return displaced;
}

bool Model::may_go(const Cause& cause, const Visible& after, Relation relation,
                   const Row& row) const {
    if (row.dynamic()) return may_go_dynamic(cause, after, relation, row);
    if (row.owner == cause.owner) {
        const auto mapping = mapping_of(relation, row);
        return cause.withdraws || !contains(cause.set, mapping) ||
               std::ranges::any_of(cause.set, [&](const auto& other) {
                   return other != mapping && clash(other, mapping);
               });
    }
    const auto owner = state_.owners.find(row.owner);
    if (owner == state_.owners.end()) return false;
    if (cause.sweeps && row.owner != kHostsFile && over(owner->second.confirmed, kMappingLife)) {
        return true;
    }
    return cause.owner == kHostsFile && std::ranges::any_of(cause.set, [&](const auto& other) {
               return clash(other, mapping_of(relation, row)) &&
                      after.find(relation, {other.ip, other.ipref, {}}) != nullptr;
           });
}

void Model::check_gone(const Cause& cause, const Visible& after, Relation relation,
                       const Row& row) {
    if (!may_go(cause, after, relation, row)) {
        const Row* now = after.find(relation, row);
        judge_.broken("{} {}", text_of(row),
                      now == nullptr ? "has gone" : "became " + text_of(*now));
    }
    if (!row.dynamic()) std::erase(state_.owners[row.owner].held, mapping_of(relation, row));
    const Row* now = after.find(relation, row);
    const bool same = now != nullptr && now->ip == row.ip && now->ipref == row.ipref;
    if (same) return;  // of another owner
    if (relation == Relation::remote) {
        promises_.erase(row.ip);
        state_.remote_uses.erase(row.ip);
        if (now == nullptr && is_dynamic_ea(row.ip)) state_.resting_eas[row.ip] = clock_->now();
    } else {
        state_.local_uses.erase(row.ipref);
        const bool expired = row.dynamic() && cause.sweeps && now == nullptr;
        if (expired) state_.resting_refs[row.ipref] = clock_->now();
    }
}

void Model::check_new(const Cause& cause, Relation relation, const Row& row, const Row* before) {
    if (!row.dynamic()) {
        if (row.owner != cause.owner || !contains(cause.set, mapping_of(relation, row))) {
            judge_.broken("{} is there, and nobody has set it", text_of(row));
        }
        if (relation == Relation::remote) state_.resting_eas.erase(row.ip);
        if (relation == Relation::local) state_.resting_refs.erase(row.ipref);
        return;
    }
    if (!cause.makes || before != nullptr) {
        judge_.broken("{} has been made by nobody", text_of(row));
    }
    const Seconds now = clock_->now();
    const auto rested = [&](const auto& resting, const auto& number) {
        const auto found = resting.find(number);
        return found == resting.end() || over(found->second, kMappingRest);
    };
    if (relation == Relation::remote) {
        if (!is_dynamic_ea(row.ip)) judge_.broken("{} is not a dynamic number", text_of(row));
        if (!rested(state_.resting_eas, row.ip)) judge_.broken("{} should rest", text_of(row));
        state_.resting_eas.erase(row.ip);
        state_.remote_uses[row.ip] = {now, now, now};
    } else {
        if (!rested(state_.resting_refs, row.ipref)) judge_.broken("{} should rest", text_of(row));
        state_.resting_refs.erase(row.ipref);
        state_.local_uses[row.ipref] = {now, now, now};
    }
}

// Why a mapping of a set is not held, by the rules of table.h.
bool Model::excused(const std::string& owner, const StaticMapping& mapping, const Visible& shown,
                    size_t statics_before) const {
    if (!world_.fits(mapping)) return true;
    if (statics_before + 40 >= world_.config.limits.statics) return true;
    bool held = false;
    each_row(shown, [&](Relation relation, const Row& row) {
        if (row.dynamic() || !clash(mapping, mapping_of(relation, row))) return;
        held |= row.owner == owner || row.owner == kHostsFile || owner != kHostsFile;
    });
    return held;
}

void Model::check_set(const Cause& cause, const Visible& after) {
    OwnerState& owner = state_.owners[cause.owner];
    owner.version++;
    owner.held.clear();
    owner.confirmed = clock_->now();
    const auto found = after.owners.find(cause.owner);
    if (cause.withdraws) {
        if (found != after.owners.end()) judge_.broken("{} is still there", cause.owner);
        return;
    }
    if (found == after.owners.end()) return judge_.broken("{} has no owner", cause.owner);
    if (found->second.has_hash != cause.known_hash || found->second.hash != cause.hash) {
        judge_.broken("{} has another hash than its set", cause.owner);
    }
    for (const auto& mapping : cause.set) {
        const Row* row = after.find(mapping.relation, {mapping.ip, mapping.ipref, {}});
        const bool holds = row != nullptr && row->owner == cause.owner && row->ip == mapping.ip &&
                           row->ipref == mapping.ipref;
        if (holds) {
            owner.held.push_back(mapping);
        } else if (!excused(cause.owner, mapping, after, statics(state_.shown))) {
            judge_.broken("{} = {} of {} was not applied", mapping.ip.str(), mapping.ipref.str(),
                          cause.owner);
        }
    }
    each_row(after, [&](Relation relation, const Row& row) {
        if (row.owner == cause.owner && !contains(cause.set, mapping_of(relation, row))) {
            judge_.broken("{} outlives its set", text_of(row));
        }
    });
}

void Model::check_promises(const Visible& after) {
    for (auto it = promises_.begin(); it != promises_.end();) {
        const auto& [ea, promise] = *it;
        if (promise.until <= clock_->now()) {
            it = promises_.erase(it);
            continue;
        }
        const auto found = after.remote.find(ea);
        if (found == after.remote.end() || found->second.ipref != promise.theirs) {
            judge_.broken("{} = {} was answered, for {} s more, and is {}", ea.str(),
                          promise.theirs.str(), promise.until - clock_->now(),
                          found == after.remote.end() ? "gone" : text_of(found->second));
        }
        ++it;
    }
}

void Model::used(const net::IpRef& theirs, net::Family ea) {
    const auto known = table_->known_ea(theirs, ea);
    if (!known) return;
    const auto use = state_.remote_uses.find(*known);
    if (use != state_.remote_uses.end()) use->second.last = use->second.latest = clock_->now();
}

void Model::used(const net::Ip& host, const net::IpRef& ours) {
    const auto use = state_.local_uses.find(ours);
    if (use != state_.local_uses.end() && state_.shown.local[ours].ip == host) {
        use->second.last = use->second.latest = clock_->now();
    }
}

void Model::swept() {
    for (const auto& [name, source] : state_.shown.owners) {
        if (name != kHostsFile && over(state_.owners[name].confirmed, kMappingLife)) {
            judge_.broken("{} should have expired", name);
        }
    }
}

void Model::swept_all() {
    const auto sweep = [this](const Row& row, Use& use) {
        if (row.dynamic() && over(use.latest, kMappingLife)) {
            judge_.broken("{} should have expired, used {}, now {}", text_of(row), use.latest,
                          clock_->now());
        }
        use.swept = use.last;
    };
    for (auto& [ea, use] : state_.remote_uses) sweep(state_.shown.remote[ea], use);
    for (auto& [ipref, use] : state_.local_uses) sweep(state_.shown.local[ipref], use);
}

void Model::confirmed(const std::string& owner) {
    state_.owners[owner].confirmed = clock_->now();
}

void Model::answered(const net::IpRef& theirs, const net::Ip& ea, Seconds lifetime) {
    const auto row = state_.shown.remote.find(ea);
    // Gone while the answer waited for the disk: word of that follows, see SimClient.
    if (row == state_.shown.remote.end() || row->second.ipref != theirs) return;
    Promise& promise = promises_[ea];
    promise.theirs = theirs;
    promise.until = std::max(promise.until, clock_->now() + lifetime);
}

void Model::acknowledged(const std::string& owner, uint64_t version) {
    uint64_t& most = acknowledged_[owner];
    most = std::max(most, version);
}

void Model::holds(const std::string& owner, const std::vector<StaticMapping>& set) {
    for (const auto& mapping : set) {
        if (contains(state_.owners[owner].held, mapping)) continue;
        if (excused(owner, mapping, state_.shown, statics(state_.shown))) continue;
        judge_.broken("{} is said to be held, {} = {} is not", owner, mapping.ip.str(),
                      mapping.ipref.str());
    }
}

void Model::crashed() {
    while (history_.size() > 1 && history_.back().first > ledger_.on_disk) history_.pop_back();
    state_ = history_.back().second;
    forget_looks();
    const auto go_back = [](Use& use) {
        use.last = use.swept;
        use.latest += kMostAdded;
    };
    for (auto& [ea, use] : state_.remote_uses) go_back(use);
    for (auto& [ipref, use] : state_.local_uses) go_back(use);
    for (const auto& [owner, version] : acknowledged_) {
        if (state_.owners[owner].version < version) {
            judge_.broken("{}: version {} of its set was acknowledged, {} is left", owner, version,
                          state_.owners[owner].version);
        }
    }
}

void Model::forget() {
    state_ = {};
    promises_.clear();
    acknowledged_.clear();
}

}  // namespace ipref::gw::sim

// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/contents.h"

#include <set>

namespace ipref::gw::sim {

namespace {

void apply_one(Contents& to, const MappingRecord& record) {
    if (record.relation == Relation::remote) to.remote[record.ip] = record;
    if (record.relation == Relation::local) to.local[record.ipref] = record;
}
void apply_one(Contents& to, const EraseMapping& erase) {
    if (erase.relation == Relation::remote) to.remote.erase(erase.ip);
    if (erase.relation == Relation::local) to.local.erase(erase.ipref);
}
void apply_one(Contents& to, const OwnerRecord& owner) {
    to.owners[owner.id] = owner;
}
void apply_one(Contents& to, const EraseOwner& erase) {
    to.owners.erase(erase.id);
}

template <typename Key, typename Value, typename Same>
std::string first_difference(const std::map<Key, Value>& a, const std::map<Key, Value>& b,
                             Same same) {
    for (const auto& [key, value] : a) {
        const auto found = b.find(key);
        if (found == b.end()) return fmt::format("{} is missing", same.name(value));
        if (!same(value, found->second)) {
            return fmt::format("{} became {}", same.name(value), same.name(found->second));
        }
    }
    for (const auto& [key, value] : b) {
        if (!a.contains(key)) return fmt::format("{} is too much", same.name(value));
    }
    return {};
}

struct SameRow {
    bool operator()(const Row& a, const Row& b) const { return a == b; }
    static std::string name(const Row& row) { return text_of(row); }
};

struct SameRecord {
    bool operator()(const MappingRecord& a, const MappingRecord& b) const {
        const bool remote = a.relation == Relation::remote;
        if (a.relation != b.relation || a.resting != b.resting || a.owner != b.owner) return false;
        if (a.resting) return a.used == b.used && (remote ? a.ip == b.ip : a.ipref == b.ipref);
        return a.ip == b.ip && a.ipref == b.ipref && a.serial == b.serial && a.used <= b.used;
    }
    static std::string name(const MappingRecord& record) {
        return fmt::format("record {} = {} of owner {}, used {}{}", record.ip.str(),
                           record.ipref.str(), record.owner, record.used,
                           record.resting ? ", resting" : "");
    }
};

struct SameOwner {
    bool operator()(const OwnerRecord& a, const OwnerRecord& b) const {
        return a.name == b.name && a.expires == b.expires && a.has_hash == b.has_hash &&
               a.hash == b.hash && a.confirmed == b.confirmed;
    }
    static std::string name(const OwnerRecord& owner) {
        return fmt::format("owner {} {}, hash {:x}, confirmed {}", owner.id, owner.name, owner.hash,
                           owner.confirmed);
    }
};

std::string owner_name(const Contents& contents, OwnerId id) {
    if (id == kDynamic) return "dynamic";
    const auto found = contents.owners.find(id);
    return found == contents.owners.end() ? fmt::format("owner {} that nobody knows", id)
                                          : found->second.name;
}

}  // namespace

void Contents::apply(const Change& change) {
    std::visit([this](const auto& one) { apply_one(*this, one); }, change);
}

const Row* Visible::find(Relation relation, const Row& row) const {
    if (relation == Relation::remote) {
        const auto found = remote.find(row.ip);
        return found == remote.end() ? nullptr : &found->second;
    }
    const auto found = local.find(row.ipref);
    return found == local.end() ? nullptr : &found->second;
}

std::string text_of(const Row& row) {
    return fmt::format("{} = {} of {}", row.ip.str(), row.ipref.str(), row.owner);
}

Visible visible(const Contents& contents) {
    Visible out;
    const auto row_of = [&](const MappingRecord& record) {
        return Row{record.ip, record.ipref, owner_name(contents, record.owner)};
    };
    for (const auto& [ea, record] : contents.remote) {
        if (!record.resting) out.remote.emplace(ea, row_of(record));
    }
    for (const auto& [ipref, record] : contents.local) {
        if (!record.resting) out.local.emplace(ipref, row_of(record));
    }
    for (const auto& [id, owner] : contents.owners) {
        out.owners[owner.name] = {owner.has_hash, owner.has_hash ? owner.hash : 0};
    }
    return out;
}

Visible visible(const Table& table, std::string& shared) {
    Visible out;
    std::set<std::pair<net::IpRef, net::Family>> remotes;
    std::optional<uint64_t> cursor = 0;
    while (cursor) {
        const auto page = table.page(*cursor, 1000, {});
        for (const auto& row : page.rows) {
            if (row.owner == "gateway") continue;
            const Row shown{row.ip, row.ipref, row.owner};
            const bool fresh = row.relation == Relation::remote
                                   ? out.remote.emplace(row.ip, shown).second &&
                                         remotes.emplace(row.ipref, row.ip.family()).second
                                   : out.local.emplace(row.ipref, shown).second;
            if (!fresh) shared = text_of(shown);
        }
        cursor = page.next;
    }
    for (const auto& owner : table.owners()) {
        out.owners[owner.name] = {owner.has_hash, owner.has_hash ? owner.hash : 0};
    }
    return out;
}

std::string difference(const Visible& a, const Visible& b) {
    auto text = first_difference(a.remote, b.remote, SameRow{});
    if (text.empty()) text = first_difference(a.local, b.local, SameRow{});
    if (text.empty() && a.owners != b.owners) text = "other owners or hashes";
    return text;
}

std::string difference(const Contents& a, const Contents& b) {
    auto text = first_difference(a.remote, b.remote, SameRecord{});
    if (text.empty()) text = first_difference(a.local, b.local, SameRecord{});
    if (text.empty()) text = first_difference(a.owners, b.owners, SameOwner{});
    return text;
}

}  // namespace ipref::gw::sim

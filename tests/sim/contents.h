// SPDX-License-Identifier: GPL-2.0-or-later
// What a store holds and what a table shows, in the plainest form: to compare with.
#pragma once

#include <map>
#include <string>

#include "gw/mapping/change.h"
#include "gw/mapping/table.h"

namespace ipref::gw::sim {

/// The changes of the journal, applied by the book.
struct Contents {
    std::map<net::Ip, MappingRecord> remote;
    std::map<net::IpRef, MappingRecord> local;
    std::map<OwnerId, OwnerRecord> owners;

    void apply(const Change& change);
    void apply(const std::vector<Change>& unit) {
        for (const auto& change : unit) apply(change);
    }
};

struct Row {
    net::Ip ip;
    net::IpRef ipref;
    std::string owner;
    bool dynamic() const { return owner == "dynamic"; }
    friend auto operator<=>(const Row&, const Row&) = default;
};

struct Source {
    bool has_hash = false;
    uint64_t hash = 0;
    friend auto operator<=>(const Source&, const Source&) = default;
};

/// What clients, people and packets can see.
struct Visible {
    std::map<net::Ip, Row> remote;
    std::map<net::IpRef, Row> local;
    std::map<std::string, Source> owners;
    friend bool operator==(const Visible&, const Visible&) = default;

    const Row* find(Relation relation, const Row& row) const;
};

Visible visible(const Contents& contents);
/// `shared` is told of what two mappings share, empty if nothing.
Visible visible(const Table& table, std::string& shared);
/// The first difference, for people; empty if there is none.
std::string difference(const Visible& a, const Visible& b);
/// The same for stores; `used` may be later in `b`.
std::string difference(const Contents& a, const Contents& b);
std::string text_of(const Row& row);

}  // namespace ipref::gw::sim

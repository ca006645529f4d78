// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/bolt/contents.h"

#include <algorithm>
#include <map>

#include "gw/mapping/bolt/file.h"

namespace ipref::gw::bolt {

namespace {

struct Owner {
    uint32_t index = 0;
    uint32_t mark = 0;
};
using Owners = std::map<uint32_t, Owner>;

std::string text(Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

const std::vector<Item>& items_of(const std::vector<Bucket>& buckets, std::string_view name) {
    static const std::vector<Item> none;
    const auto found = std::ranges::find_if(
        buckets, [&](const Bucket& bucket) { return text(bucket.name) == name; });
    return found == buckets.end() ? none : found->items;
}

Result<Owners> read_owners(const std::vector<Bucket>& buckets, Contents& contents) {
    Owners owners;
    for (const auto& [key, name] : items_of(buckets, "oid")) {
        if (key.size() != 4) return fail("bucket oid: a key is no owner");
        owners[wire::Reader(key).u32()].index = static_cast<uint32_t>(contents.owners.size());
        contents.owners.push_back(text(name));
    }
    for (const auto& [key, mark] : items_of(buckets, "mark")) {
        if (key.size() != 4 || mark.size() != 4) return fail("bucket mark: no owner and mark");
        const auto owner = owners.find(wire::Reader(key).u32());
        if (owner != owners.end()) owner->second.mark = wire::Reader(mark).u32();
    }
    if (owners.empty()) return fail("no owners: not a database of a gateway");
    return owners;
}

Result<Mapping> read_mapping(Relation relation, const Item& item, Families families,
                             const Owners& owners) {
    Mapping mapping;
    mapping.relation = relation;
    wire::Reader in(item.value);
    const uint32_t id = in.u32();
    mapping.mark = in.u32();
    const net::Ip ea = in.ip(families.ea);
    const net::Ip host = in.ip(families.ea);
    mapping.ip = relation == Relation::remote ? ea : host;
    mapping.ipref.ip = in.ip(families.gw);
    mapping.ipref.ref = in.ref();
    if (!in.done()) return fail("a record of {} bytes", item.value.size());
    wire::Reader key(item.key);
    const bool same =
        relation == Relation::remote ? key.ip(families.ea) == ea : key.ref() == mapping.ipref.ref;
    if (!key.done() || !same) return fail("a record under another's key");
    const auto owner = owners.find(id);
    if (owner == owners.end()) return fail("a record of owner {}, whom no bucket names", id);
    mapping.owner = owner->second.index;
    mapping.live = mapping.mark >= owner->second.mark;
    return mapping;
}

}  // namespace

Result<Contents> parse(wire::Bytes file, Families families) {
    const auto buckets = read_file(file);
    if (!buckets) return tl::unexpected(buckets.error());
    Contents contents;
    const auto owners = read_owners(*buckets, contents);
    if (!owners) return tl::unexpected(owners.error());
    const auto& eas = items_of(*buckets, "ea");
    const auto& refs = items_of(*buckets, "ref");
    contents.mappings.reserve(eas.size() + refs.size());
    for (const auto relation : {Relation::remote, Relation::local}) {
        const bool remote = relation == Relation::remote;
        for (const auto& item : remote ? eas : refs) {
            const auto mapping = read_mapping(relation, item, families, *owners);
            if (!mapping) {
                return fail("bucket {}: {}", remote ? "ea" : "ref", mapping.error().text);
            }
            contents.mappings.push_back(*mapping);
        }
    }
    return contents;
}

}  // namespace ipref::gw::bolt

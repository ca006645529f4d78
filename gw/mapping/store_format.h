// SPDX-License-Identifier: GPL-2.0-or-later
// Records of the store as bytes. The layout stands in store.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "common/wire/cursor.h"
#include "gw/mapping/change.h"

namespace ipref::gw {

enum class StoreTable : uint8_t { meta, remote, local, owner };
inline constexpr std::array<const char*, 4> kStoreTables = {"meta", "remote", "local", "owner"};
inline constexpr uint32_t kStoreFormat = 1;

/// A put, or a deletion if `value` is empty.
struct StoreItem {
    StoreTable table = StoreTable::meta;
    std::vector<uint8_t> key;
    std::vector<uint8_t> value;
};

StoreItem store_item(const Change& change);
StoreItem store_number(std::string_view key, uint32_t value);  ///< in meta

/// Nothing if the bytes are not what store_item() makes: the database is damaged.
std::optional<MappingRecord> parse_mapping(StoreTable table, wire::Bytes key, wire::Bytes value);
std::optional<OwnerRecord> parse_owner(wire::Bytes key, wire::Bytes value);
std::optional<uint32_t> parse_store_number(std::string_view key, wire::Bytes value);

}  // namespace ipref::gw

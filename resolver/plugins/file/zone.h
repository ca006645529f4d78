// SPDX-License-Identifier: GPL-2.0-or-later
// A zone in memory, made once and then only read: names in canonical order (RFC 4034 section 6.1)
// with an index by hash, data in wire format as answers need it. What a look-up asks for on every
// query is worked out when the zone is made: the zone cut or DNAME above a name, the wildcard
// below it, the NSEC before it. A hit costs one probe of the index.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns/name.h"
#include "common/dns/types.h"
#include "common/result.h"

namespace ipref::resolver {

using dns::Bytes;
using dns::Name;

constexpr uint32_t kNoNode = UINT32_MAX;

struct ZoneRecord {
    const uint8_t* data = nullptr;  ///< names in it uncompressed
    uint32_t ttl = 0;
    uint16_t size = 0;
    Bytes rdata() const { return {data, size}; }
};

/// Records of one type at one name, in the order of the zone file.
struct RrSet {
    uint16_t type = 0;
    uint32_t first = 0;
    uint32_t count = 0;
};

/// A record whose owner is outside of the zone: never an answer, but part of transfers.
struct ForeignRecord {
    const uint8_t* owner = nullptr;
    uint8_t owner_size = 0;
    uint16_t type = 0;
    ZoneRecord record;

    Bytes name() const { return {owner, owner_size}; }
};

struct ZoneNode {
    const uint8_t* owner = nullptr;
    uint8_t owner_size = 0;
    uint32_t first_set = 0;
    uint32_t sets = 0;            ///< none: an empty non-terminal
    uint32_t barrier = kNoNode;   ///< topmost zone cut at or above the name, or DNAME above it
    uint32_t wildcard = kNoNode;  ///< its child "*"
    uint32_t nsec = kNoNode;      ///< nearest name at or before it that has an NSEC

    Bytes name() const { return {owner, owner_size}; }
};

class Zone {
  public:
    const Name& origin() const { return origin_; }
    uint32_t serial() const { return serial_; }

    /// The node of a name in lower case, kNoNode if there is none.
    uint32_t find(Bytes lower) const;
    /// The nearest name above `lower` that exists (the origin at the latest). `lower` is under the
    /// origin.
    uint32_t encloser(Bytes lower) const;
    /// The last node before the name in canonical order, or the name's own.
    uint32_t at_or_before(const Name& name) const;

    const ZoneNode& node(uint32_t index) const { return nodes_[index]; }
    /// The origin first, then in canonical order.
    std::span<const ZoneNode> nodes() const { return nodes_; }
    std::span<const RrSet> sets(const ZoneNode& node) const {
        return std::span(sets_).subspan(node.first_set, node.sets);
    }
    const RrSet* set(const ZoneNode& node, uint16_t type) const;
    std::span<const ZoneRecord> records(const RrSet& set) const {
        return std::span(records_).subspan(set.first, set.count);
    }
    std::span<const ForeignRecord> foreign() const { return foreign_; }

  private:
    friend class ZoneBuilder;
    Zone() = default;

    Name origin_;
    uint32_t serial_ = 0;
    std::vector<ZoneNode> nodes_;
    std::vector<RrSet> sets_;
    std::vector<ZoneRecord> records_;
    std::vector<ForeignRecord> foreign_;
    std::vector<uint32_t> index_;  // open addressing, size a power of two
    std::vector<std::unique_ptr<uint8_t[]>> chunks_;
};

/// Takes records in any order, gives the zone. Bytes are copied.
class ZoneBuilder {
  public:
    explicit ZoneBuilder(const Name& origin) : origin_(origin) {}

    /// `rdata` is well-formed for its type, names uncompressed. The second of two equal records is
    /// left out.
    void add(const Name& owner, uint16_t type, uint32_t ttl, Bytes rdata);
    /// Errors: no SOA at the origin, or several. The builder is used up.
    Result<std::shared_ptr<const Zone>> build();

  private:
    struct Entry {
        std::string key;  // sorts in canonical order
        const uint8_t* owner;
        uint8_t owner_size;
        uint16_t type;
        uint16_t size;
        uint32_t ttl;
        const uint8_t* data;
    };
    const uint8_t* keep(Bytes bytes);
    void lay_out(Zone& zone);
    uint32_t add_node(Zone& zone, const uint8_t* owner, uint8_t size);
    void add_ancestors(Zone& zone, Bytes owner, std::vector<uint32_t>& path);
    static void mark_barriers(Zone& zone);
    static void mark_nsecs(Zone& zone);
    static void make_index(Zone& zone);

    Name origin_;
    std::vector<Entry> entries_;
    std::vector<std::unique_ptr<uint8_t[]>> chunks_;
    size_t chunk_size_ = 0;
    size_t chunk_used_ = 0;
    std::vector<ForeignRecord> foreign_;
};

}  // namespace ipref::resolver

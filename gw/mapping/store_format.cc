// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/store_format.h"

#include <algorithm>

namespace ipref::gw {

namespace {

constexpr uint8_t kResting = 1;
constexpr uint8_t kExpires = 1;
constexpr uint8_t kHasHash = 2;
constexpr size_t kSumSize = 4;
constexpr size_t kLongestName = 1024;

/// FNV-1a, 32 bits, over key and value: a disk that lies is noticed.
uint32_t sum_of(wire::Bytes key, wire::Bytes value) {
    uint32_t sum = 2166136261;
    for (const auto bytes : {key, value}) {
        for (const uint8_t byte : bytes) sum = (sum ^ byte) * 16777619;
    }
    return sum;
}

/// Room for any record; finished to a vector of what was written.
class Builder : public wire::Writer {
  public:
    Builder() : Writer(space_) {}
    std::vector<uint8_t> take() const {
        const auto bytes = const_cast<Builder*>(this)->written();
        return {bytes.begin(), bytes.end()};
    }

  private:
    std::array<uint8_t, kLongestName + 64> space_{};
};

void seal(StoreItem& item) {
    std::array<uint8_t, kSumSize> bytes{};
    wire::Writer(bytes).u32(sum_of(item.key, item.value));
    item.value.insert(item.value.end(), bytes.begin(), bytes.end());
}

/// The value without its sum, nothing if the sum is wrong.
std::optional<wire::Bytes> unseal(wire::Bytes key, wire::Bytes value) {
    if (value.size() < kSumSize) return std::nullopt;
    const auto body = value.first(value.size() - kSumSize);
    if (wire::Reader(value.last(kSumSize)).u32() != sum_of(key, body)) return std::nullopt;
    return body;
}

void put_ip(Builder& out, const net::Ip& ip) {
    out.u8(static_cast<uint8_t>(ip.size()));
    out.ip(ip);
}

net::Ip take_ip(wire::Reader& in) {
    const uint8_t size = in.u8();
    if (size != 4 && size != 16) in.fail();
    return in.ip(size == 16 ? net::Family::v6 : net::Family::v4);
}

StoreItem key_of(Relation relation, const net::Ip& ip, const net::IpRef& ipref) {
    Builder key;
    if (relation == Relation::remote) {
        key.ip(ip);
        return {StoreTable::remote, key.take(), {}};
    }
    key.ip(ipref.ip);
    key.ref(ipref.ref);
    return {StoreTable::local, key.take(), {}};
}

StoreItem owner_key(OwnerId id) {
    Builder key;
    key.u32(id);
    return {StoreTable::owner, key.take(), {}};
}

StoreItem item_of(const MappingRecord& record) {
    StoreItem item = key_of(record.relation, record.ip, record.ipref);
    Builder value;
    value.u8(record.resting ? kResting : 0);
    value.u32(record.owner);
    value.u32(record.used);
    value.u64(record.serial);
    if (record.relation == Relation::remote) {
        put_ip(value, record.ipref.ip);
        value.ref(record.ipref.ref);
    } else {
        put_ip(value, record.ip);
    }
    item.value = value.take();
    seal(item);
    return item;
}

StoreItem item_of(const OwnerRecord& owner) {
    StoreItem item = owner_key(owner.id);
    Builder value;
    value.u8(
        static_cast<uint8_t>((owner.expires ? kExpires : 0) | (owner.has_hash ? kHasHash : 0)));
    value.u64(owner.hash);
    value.u32(owner.confirmed);
    const std::string_view name = std::string_view(owner.name).substr(0, kLongestName);
    value.u16(static_cast<uint16_t>(name.size()));
    value.bytes({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
    item.value = value.take();
    seal(item);
    return item;
}

StoreItem item_of(const EraseMapping& erase) {
    return key_of(erase.relation, erase.ip, erase.ipref);
}

StoreItem item_of(const EraseOwner& erase) {
    return owner_key(erase.id);
}

/// The key's addresses go into `record`.
bool parse_key(StoreTable table, wire::Bytes key, MappingRecord& record) {
    const size_t ip_size = table == StoreTable::remote ? key.size() : key.size() - 16;
    if (ip_size != 4 && ip_size != 16) return false;
    wire::Reader in(key);
    const net::Ip ip = in.ip(ip_size == 16 ? net::Family::v6 : net::Family::v4);
    if (table == StoreTable::remote) {
        record.relation = Relation::remote;
        record.ip = ip;
    } else {
        record.relation = Relation::local;
        record.ipref = {ip, in.ref()};
    }
    return in.done();
}

}  // namespace

StoreItem store_item(const Change& change) {
    return std::visit([](const auto& one) { return item_of(one); }, change);
}

StoreItem store_number(std::string_view key, uint32_t value) {
    StoreItem item{StoreTable::meta, {key.begin(), key.end()}, std::vector<uint8_t>(4)};
    wire::Writer(item.value).u32(value);
    seal(item);
    return item;
}

std::optional<MappingRecord> parse_mapping(StoreTable table, wire::Bytes key, wire::Bytes value) {
    const auto body = unseal(key, value);
    MappingRecord record;
    if (!body || !parse_key(table, key, record)) return std::nullopt;
    wire::Reader in(*body);
    record.resting = (in.u8() & kResting) != 0;
    record.owner = in.u32();
    record.used = in.u32();
    record.serial = in.u64();
    const net::Ip ip = take_ip(in);
    if (table == StoreTable::remote) {
        record.ipref = {ip, in.ref()};
    } else {
        record.ip = ip;
    }
    return in.done() ? std::optional(record) : std::nullopt;
}

std::optional<OwnerRecord> parse_owner(wire::Bytes key, wire::Bytes value) {
    const auto body = unseal(key, value);
    if (!body || key.size() != 4) return std::nullopt;
    OwnerRecord owner;
    owner.id = wire::Reader(key).u32();
    wire::Reader in(*body);
    const uint8_t flags = in.u8();
    owner.expires = (flags & kExpires) != 0;
    owner.has_hash = (flags & kHasHash) != 0;
    owner.hash = in.u64();
    owner.confirmed = in.u32();
    const auto name = in.take(in.u16());
    owner.name.assign(name.begin(), name.end());
    return in.done() ? std::optional(owner) : std::nullopt;
}

std::optional<uint32_t> parse_store_number(std::string_view key, wire::Bytes value) {
    const auto body = unseal({reinterpret_cast<const uint8_t*>(key.data()), key.size()}, value);
    if (!body || body->size() != 4) return std::nullopt;
    return wire::Reader(*body).u32();
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/cache/table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common/dns/random.h"

namespace ipref::resolver::cache {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t kMostShards = 64;
constexpr size_t kLeastInShard = 32;  // entries; fewer would make the limits uneven
constexpr size_t kMallocOverhead = 16;

uint64_t folded(uint64_t a, uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t word_at(Bytes bytes, size_t at) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
    return word;
}

uint64_t random_word() {
    uint64_t word = 0;
    for (int i = 0; i < 4; i++) word = word << 16 | dns::random_id();
    return word | 1;
}

constexpr size_t divided(size_t whole, size_t parts) {
    return (whole + parts - 1) / parts;
}

}  // namespace

uint16_t Entry::ttl_at(size_t index) const {
    uint16_t at;
    std::memcpy(&at, data() + ttls_at() + index * 2, sizeof at);
    return at;
}

Entry* Entry::make(uint64_t hash, const Key& key, const About& about, Bytes message,
                   const std::vector<uint16_t>& ttls, Bytes note) {
    const size_t size =
        sizeof(Entry) + key.name.size() + ttls.size() * 2 + message.size() + note.size();
    auto* const entry = new (::operator new(size)) Entry;
    entry->about = about;
    entry->hash_ = hash;
    entry->type_ = key.type;
    entry->klass_ = key.klass;
    entry->flags_ = key.flags;
    entry->name_size_ = static_cast<uint8_t>(key.name.size());
    entry->ttls_ = static_cast<uint16_t>(ttls.size());
    entry->message_size_ = static_cast<uint32_t>(message.size());
    entry->note_size_ = static_cast<uint16_t>(note.size());
    auto* to = reinterpret_cast<uint8_t*>(entry + 1);
    const auto put = [&to](const void* from, size_t bytes) {
        if (bytes > 0) std::memcpy(to, from, bytes);
        to += bytes;
    };
    put(key.name.data(), key.name.size());
    put(ttls.data(), ttls.size() * 2);
    put(message.data(), message.size());
    put(note.data(), note.size());
    return entry;
}

void Entry::destroy(Entry* entry) {
    entry->~Entry();
    ::operator delete(entry);
}

bool Entry::is(uint64_t hash, const Key& key) const {
    return hash_ == hash && type_ == key.type && klass_ == key.klass && flags_ == key.flags &&
           name_size_ == key.name.size() &&
           std::memcmp(data(), key.name.data(), key.name.size()) == 0;
}

size_t Entry::bytes() const {
    return sizeof(Entry) + message_at() + message_size_ + note_size_ + kMallocOverhead;
}

Table::Table(const std::array<Limits, kKinds>& limits) : secret_{random_word(), random_word()} {
    size_t least = SIZE_MAX;
    for (const auto& limit : limits) {
        if (limit.entries > 0) least = std::min(least, limit.entries);
    }
    count_ = std::clamp(std::bit_floor(least / kLeastInShard), size_t{1}, kMostShards);
    size_t both = 0;
    for (size_t kind = 0; kind < kKinds; kind++) {
        share_[kind] = {divided(limits[kind].entries, count_), divided(limits[kind].bytes, count_)};
        both += share_[kind].entries;
    }
    const size_t buckets = std::bit_ceil(std::max<size_t>(both, 16));
    mask_ = buckets - 1;
    shards_ = std::make_unique<Shard[]>(count_);
    for (size_t i = 0; i < count_; i++) {
        auto* const fresh = static_cast<Entry**>(std::calloc(buckets, sizeof(Entry*)));
        if (fresh == nullptr) throw std::bad_alloc();
        shards_[i].buckets.reset(fresh);
    }
}

Table::~Table() {
    for (size_t i = 0; i < count_; i++) {
        for (auto& line : shards_[i].lines) {
            while (line.oldest != nullptr) {
                Entry* const entry = line.oldest;
                line.oldest = entry->newer_;
                Entry::destroy(entry);
            }
        }
    }
}

/// Multiplies and folds, eight bytes at a time, under a secret of this table's.
uint64_t Table::hash_of(const Key& key) const {
    uint64_t hash = secret_[0];
    for (size_t at = 0; at < key.name.size(); at += 8) {
        hash = folded(hash ^ word_at(key.name, at), secret_[1]);
    }
    const uint64_t rest =
        static_cast<uint64_t>(key.type) << 32 | static_cast<uint64_t>(key.klass) << 16 | key.flags;
    hash = folded(hash ^ rest, secret_[1]);
    return folded(hash ^ key.name.size(), secret_[0]);
}

Entry* Table::find(Shard& shard, uint64_t hash, const Key& key) {
    Entry* entry = bucket(shard, hash);
    while (entry != nullptr && !entry->is(hash, key)) entry = entry->next_;
    return entry;
}

void Table::link(Line& line, Entry& entry) {
    entry.older_ = line.newest;
    entry.newer_ = nullptr;
    (line.newest == nullptr ? line.oldest : line.newest->newer_) = &entry;
    line.newest = &entry;
}

void Table::unlink(Line& line, Entry& entry) {
    (entry.newer_ == nullptr ? line.newest : entry.newer_->older_) = entry.older_;
    (entry.older_ == nullptr ? line.oldest : entry.older_->newer_) = entry.newer_;
}

void Table::use(Shard& shard, Entry& entry) {
    Line& line = shard.lines[static_cast<size_t>(entry.about.kind)];
    if (line.newest == &entry) return;
    unlink(line, entry);
    link(line, entry);
}

void Table::drop(Shard& shard, Entry& entry) {
    Entry** at = &bucket(shard, entry.hash_);
    while (*at != &entry) at = &(*at)->next_;
    *at = entry.next_;
    const auto kind = static_cast<size_t>(entry.about.kind);
    Line& line = shard.lines[kind];
    unlink(line, entry);
    line.entries--;
    entries_[kind]--;
    line.bytes -= entry.bytes();
    Entry::destroy(&entry);
}

std::array<size_t, kKinds> Table::store(const Key& key, const About& about, Bytes message,
                                        const std::vector<uint16_t>& ttls, Bytes note) {
    const uint64_t hash = hash_of(key);
    Entry* const fresh = Entry::make(hash, key, about, message, ttls, note);
    const auto kind = static_cast<size_t>(about.kind);
    const Limits& limit = share_[kind];
    std::array<size_t, kKinds> pushed_out{};
    Shard& shard = shards_[hash >> 48 & (count_ - 1)];
    const std::lock_guard lock(shard.mutex);
    if (Entry* const old = find(shard, hash, key); old != nullptr) drop(shard, *old);
    if (limit.entries == 0 || fresh->bytes() > limit.bytes) {
        Entry::destroy(fresh);
        return pushed_out;
    }
    Line& line = shard.lines[kind];
    while (line.entries >= limit.entries || line.bytes + fresh->bytes() > limit.bytes) {
        drop(shard, *line.oldest);
        pushed_out[kind]++;
    }
    Entry*& at = bucket(shard, hash);
    fresh->next_ = at;
    at = fresh;
    link(line, *fresh);
    line.entries++;
    entries_[kind]++;
    line.bytes += fresh->bytes();
    return pushed_out;
}

void Table::remove(const Key& key) {
    const uint64_t hash = hash_of(key);
    Shard& shard = shards_[hash >> 48 & (count_ - 1)];
    const std::lock_guard lock(shard.mutex);
    if (Entry* const old = find(shard, hash, key); old != nullptr) drop(shard, *old);
}

size_t Table::bytes(Kind kind) const {
    size_t sum = 0;
    for (size_t i = 0; i < count_; i++) {
        const std::lock_guard lock(shards_[i].mutex);
        sum += shards_[i].lines[static_cast<size_t>(kind)].bytes;
    }
    return sum;
}

}  // namespace ipref::resolver::cache

// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin cache's memory: answers as packed messages under their full question. Shared by all
// worker threads: it is cut into shards, each with a lock of its own that is held for one look-up
// or one copy. Bounded twice, in entries and in bytes, for what exists and for what does not; what
// was used least recently goes first. The hash is keyed, and a key is compared in full, so that
// nobody can make two questions meet.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "resolver/server/message.h"

namespace ipref::resolver::cache {

using Time = std::chrono::steady_clock::time_point;

/// Each kind has limits of its own. Failures (SERVFAIL) count as denials.
enum class Kind : uint8_t { success, denial };
constexpr size_t kKinds = 2;

/// What one answer is for. `flags` keeps apart what different clients may be told.
struct Key {
    static constexpr uint8_t kDnssecOk = 1, kCheckingDisabled = 2;
    /// Failures live beside good data and never replace it.
    static constexpr uint8_t kFailure = 4;
    Bytes name;  ///< lower case, wire format
    uint16_t type = 0;
    uint16_t klass = 0;
    uint8_t flags = 0;
};

/// What is said of an answer besides its bytes.
struct About {
    Kind kind = Kind::success;
    uint8_t rcode = 0;
    bool aa = false, ra = false, ad = false;
    bool dnssec = false;   ///< holds records for clients with DO only
    bool answers = false;  ///< it has what was asked for; kept with prefer_positive only
    uint32_t plain = 0;    ///< PackedReply::plain
    uint32_t ttl = 0;      ///< of every record, in seconds
    Time stored;
    Time expires;
    uint8_t spread = 0;  ///< random: when to fetch it anew differs from entry to entry
};

struct Limits {
    size_t entries = 0;
    size_t bytes = 0;
};

/// An answer in the table. Valid while the lock is held: see Table::visit.
class Entry {
  public:
    About about;
    // -- use
    uint32_t hits = 0;  ///< without a gap longer than prefetch's
    Time last_hit;
    Time not_before;  ///< it is not fetched anew before this

    Bytes message() const { return {data() + message_at(), message_size_}; }
    /// Offsets of the TTLs in the message.
    size_t ttls() const { return ttls_; }
    uint16_t ttl_at(size_t index) const;
    /// The extended error that came with it (RFC 8914: info code, text); may be empty.
    Bytes note() const { return {data() + message_at() + message_size_, note_size_}; }

  private:
    friend class Table;
    static Entry* make(uint64_t hash, const Key& key, const About& about, Bytes message,
                       const std::vector<uint16_t>& ttls, Bytes note);
    static void destroy(Entry* entry);

    bool is(uint64_t hash, const Key& key) const;
    size_t bytes() const;
    const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(this + 1); }
    size_t ttls_at() const { return name_size_; }
    size_t message_at() const { return ttls_at() + ttls_ * 2U; }

    uint64_t hash_ = 0;
    Entry* next_ = nullptr;   // of the same bucket
    Entry* newer_ = nullptr;  // of the same kind, by use
    Entry* older_ = nullptr;
    uint32_t message_size_ = 0;
    uint16_t type_ = 0, klass_ = 0;
    uint16_t ttls_ = 0, note_size_ = 0;
    uint8_t flags_ = 0, name_size_ = 0;
};

class Table {
  public:
    /// By kind. Nothing is kept of a kind whose limits are 0.
    explicit Table(const std::array<Limits, kKinds>& limits);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// Calls `see(Entry&)` with the entry locked, if there is one; counts as a use.
    template <typename See>
    bool visit(const Key& key, See&& see) {
        const uint64_t hash = hash_of(key);
        Shard& shard = shards_[hash >> 48 & (count_ - 1)];
        const std::lock_guard lock(shard.mutex);
        Entry* const entry = find(shard, hash, key);
        if (entry == nullptr) return false;
        use(shard, *entry);
        see(*entry);
        return true;
    }
    /// In place of what was there. How many others were pushed out, by kind; `message` is at least
    /// a header and a question. What is larger than a shard's share is not kept.
    std::array<size_t, kKinds> store(const Key& key, const About& about, Bytes message,
                                     const std::vector<uint16_t>& ttls, Bytes note);
    void remove(const Key& key);

    /// At this moment; takes no lock.
    size_t entries(Kind kind) const { return entries_[static_cast<size_t>(kind)]; }
    size_t bytes(Kind kind) const;

  private:
    struct Line {  // of one kind, by use
        Entry* newest = nullptr;
        Entry* oldest = nullptr;
        size_t entries = 0;
        size_t bytes = 0;
    };
    struct Free {
        void operator()(Entry** buckets) const { std::free(buckets); }
    };
    struct alignas(64) Shard {
        mutable std::mutex mutex;
        std::unique_ptr<Entry*[], Free> buckets;
        std::array<Line, kKinds> lines;
    };

    uint64_t hash_of(const Key& key) const;
    Entry*& bucket(Shard& shard, uint64_t hash) { return shard.buckets[hash & mask_]; }
    Entry* find(Shard& shard, uint64_t hash, const Key& key);
    static void use(Shard& shard, Entry& entry);
    static void link(Line& line, Entry& entry);
    static void unlink(Line& line, Entry& entry);
    void drop(Shard& shard, Entry& entry);

    std::array<uint64_t, 2> secret_;
    std::array<Limits, kKinds> share_;  // of one shard
    size_t count_ = 1;                  // of shards, a power of two
    size_t mask_ = 0;                   // of buckets
    std::unique_ptr<Shard[]> shards_;
    std::array<std::atomic<size_t>, kKinds> entries_ = {};
};

}  // namespace ipref::resolver::cache

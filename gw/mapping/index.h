// SPDX-License-Identifier: GPL-2.0-or-later
// One relation as two lock-free hash tables over the same entries: by address and by IPREF
// address. Readers are online (rcu.h); add and remove are for the holder of the writer lock,
// online too. Hashes are keyed with random numbers: refs and addresses come from strangers.
#pragma once

#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/mapping/change.h"
#include "gw/mapping/clock.h"
#include "gw/mapping/entry_pool.h"

namespace ipref::gw {

/// A mapping in memory. What readers see does not change once it is in an index, `used` excepted.
struct Entry {
    cds_lfht_node by_ip{};
    cds_lfht_node by_ipref{};
    net::IpRef ipref;
    net::Ip ip;
    Relation relation = Relation::remote;
    std::atomic<Seconds> used{0};
    uint64_t serial = 0;
    // The writer's own:
    OwnerId owner = kDynamic;
    Seconds stored = 0;  ///< `used` as the store has it
    uint32_t row = 0;    ///< where it stands in the table's list
    uint32_t set = 0;    ///< number of the last set that named it

    static void* operator new(size_t) { return take_entry_space(); }
    static void operator delete(void* space) { give_entry_space(space); }

    /// Notes a use, without writing if one was noted in the last minute.
    void use(Seconds now) {
        const Seconds last = used.load(std::memory_order_relaxed);
        if (now > last && now - last >= 60) used.store(now, std::memory_order_relaxed);
    }
};

/// Keys: remote, by_ip: the EA; by_ipref: their IPREF address and the EA's family.
/// Local, by_ip: our host and the context address's family; by_ipref: the ref and that family
/// (so that a ref can be found whatever the context address). Where several entries have the same
/// key, as a host's refs do, the one with the highest serial counts. EAs and their IPREF addresses
/// are one entry's each, but for a moment while one takes another's place: readers take whichever
/// they find.
class Index {
  public:
    explicit Index(Relation relation);
    ~Index();  ///< must be empty
    Index(const Index&) = delete;
    Index& operator=(const Index&) = delete;

    /// Remote only.
    Entry* ea(const net::Ip& ea) const;
    Entry* theirs(const net::IpRef& theirs, net::Family ea) const;
    /// Local only: the newest of the host.
    Entry* host(const net::Ip& host, net::Family gw) const;
    /// Local only: an exact match, else, if `any_context`, the newest with that ref and family.
    Entry* ours(const net::IpRef& ours, bool any_context) const;

    /// Sizes the hash tables for so many entries in all. Nobody removes entries meanwhile; the
    /// calling thread is no reader, or offline (RcuAway).
    void reserve(size_t entries);

    void add(Entry* entry);
    /// Out of both tables; the caller hands it to retire().
    void remove(Entry* entry);

  private:
    struct Key {
        const net::Ip* ip;
        const net::Ref* ref;
        net::Family family;
    };
    using Match = bool (*)(const Entry&, const Key&);

    template <cds_lfht_node Entry::*Node, Match match>
    static int matches(cds_lfht_node* node, const void* wanted);
    /// The only one: what comes after it is not looked at, each look being a cache miss.
    template <cds_lfht_node Entry::*Node, Match match>
    static Entry* only(cds_lfht* table, uint64_t hash, const Key& key);
    template <cds_lfht_node Entry::*Node, Match match>
    static Entry* newest(cds_lfht* table, uint64_t hash, const Key& key);
    uint64_t hash(const net::Ip& ip, net::Family family) const;
    uint64_t hash(const net::IpRef& ipref, net::Family family) const;
    uint64_t hash(const net::Ref& ref, net::Family family) const;
    uint64_t mix(uint64_t state, uint64_t word) const;
    uint64_t hash_by_ip(const Entry& entry) const;
    uint64_t hash_by_ipref(const Entry& entry) const;

    static bool match_ea(const Entry& entry, const Key& key);
    static bool match_theirs(const Entry& entry, const Key& key);
    static bool match_host(const Entry& entry, const Key& key);
    static bool match_ours(const Entry& entry, const Key& key);
    static bool match_ref(const Entry& entry, const Key& key);

    Relation relation_;
    std::array<uint64_t, 2> seed_;
    cds_lfht* by_ip_;
    cds_lfht* by_ipref_;
};

/// Frees the entries after every reader has let go of them. Online.
void retire(std::vector<Entry*> entries);
/// Waits until all that was retired is freed: at the end.
void retire_all();

}  // namespace ipref::gw

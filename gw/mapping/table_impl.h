// SPDX-License-Identifier: GPL-2.0-or-later
// The inside of the table. Writers hold a Write for as long as they change something.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gw/mapping/allocator.h"
#include "gw/mapping/index.h"
#include "gw/mapping/limits.h"
#include "gw/mapping/rcu.h"
#include "gw/mapping/rest.h"
#include "gw/mapping/table.h"

namespace ipref::gw {

/// Who publishes a static set.
struct Owner {
    OwnerRecord record;
    bool priority = false;
    uint32_t mappings = 0;
    /// Of the set as it was sent, what was refused: counts as held when the agent asks.
    std::set<StaticMapping> rejected;
};

class Table::Impl {
  public:
    Impl(MappingConfig config, const Clock& clock, Random random);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    /// The writer's scope: online, locked; what was changed goes to the journal when it ends, what
    /// was dropped to the listener after the lock is free again.
    class Write {
      public:
        explicit Write(Impl& impl) : impl_(impl), lock_(impl.mutex_) {}
        Write(Impl& impl, std::unique_lock<std::mutex> lock)
            : impl_(impl), lock_(std::move(lock)) {}
        ~Write() { impl_.finish(lock_); }
        Write(const Write&) = delete;
        Write& operator=(const Write&) = delete;

      private:
        RcuOnline online_;
        Impl& impl_;
        std::unique_lock<std::mutex> lock_;
    };

    /// The writer lock for a packet's sake, which does not wait behind a large set: not held if it
    /// is not free soon; once that has been so, the next ones wait less.
    std::unique_lock<std::mutex> lock_for_packet();
    /// Whether packets may make mappings now, as far as the disk is concerned.
    bool store_keeps_up() const { return journal_ == nullptr || !journal_->congested(); }

    enum class Asker : uint8_t { packet, resolver };

    // table.cc, with a Write held: dynamic mappings
    tl::expected<net::Ip, Refusal> make_ea(const net::IpRef& theirs, net::Family ea, Asker asker);
    std::optional<net::IpRef> make_ref(const net::Ip& host, net::Family gw);
    std::optional<Refusal> refuse(const net::IpRef& theirs, net::Family ea) const;
    /// Dynamic encoded addresses that may be held of a network, and those of them by packets.
    uint64_t most_eas(const net::Cidr& net) const;
    uint64_t for_packets(uint64_t most) const;
    /// As ours() answers: under a public address of zero the context is left open.
    net::IpRef outward(const net::IpRef& ipref) const;
    bool any_context(const net::IpRef& ours) const;

    // entries.cc, with a Write held: one mapping
    /// Without a Write: room for a set of so many, if they are many.
    void reserve(Relation relation, size_t set);
    /// Without a Write or the lock, of the one thread that drops entries: keeps up with growth.
    void grow_tables();
    void size_tables(Relation relation, size_t entries);
    Entry* insert(const MappingRecord& record, bool journal);
    /// An address that could be given out again rests.
    void drop(Entry* entry, Event event = Event::ended);
    bool leaves_free_ea(const Entry& dropped) const;
    void rest(const Entry& dropped);
    /// Drops a dynamic mapping whose life is over; its number rests.
    void expire(Entry* entry);
    /// The entry's owner becomes another.
    void adopt(Entry* entry, OwnerId owner);
    static MappingRecord record_of(const Entry& entry);
    Index& index(Relation relation) { return relation == Relation::remote ? remote_ : local_; }
    std::vector<Entry*>& rows(Relation r) { return rows_[static_cast<size_t>(r)]; }
    const std::vector<Entry*>& rows(Relation r) const { return rows_[static_cast<size_t>(r)]; }
    uint64_t& dynamic_count(Relation relation, net::Family family) {
        return dynamic_[static_cast<size_t>(relation)][family == net::Family::v6 ? 1 : 0];
    }
    void finish(std::unique_lock<std::mutex>& lock);

    // statics.cc, with a Write held: owners and their sets
    Owner* find_owner(std::string_view name);
    Owner* owner_for(const OwnerName& name, SetOutcome& outcome);
    void drop_owner(OwnerId id);
    void journal_owner(const Owner& owner);
    /// Whether the mapping could be held at all; a reason if not.
    std::optional<std::string> unfit(const StaticMapping& mapping) const;
    /// Who holds what the mapping needs: at most two, nullptr where nobody does.
    using Holders = std::array<Entry*, 2>;
    Holders holders_of(const StaticMapping& mapping) const;
    /// Why the owner may not have it; nothing if it may.
    std::optional<std::string> conflict(const Owner& owner, const StaticMapping& mapping,
                                        const Holders& holders) const;
    /// Whether something that was refused to the owner would be taken now.
    bool could_hold_more(const Owner& owner) const;
    void claim(Owner& owner, const StaticMapping& mapping, SetOutcome& outcome);
    void reserve_for(const std::vector<StaticMapping>& set);
    void finish_set(Owner& owner, std::optional<uint64_t> hash);
    std::string owner_name(OwnerId id) const;

    // upkeep.cc, with a Write held
    void sweep_rows(size_t most);
    void sweep_entry(Entry* entry);
    /// Journals the last use, if it is so late that a restart would end the mapping early.
    void store_stamp(Entry* entry);
    void sweep_owners();
    void sweep_rest(size_t most);
    MappingRow row_of(const Entry& entry) const;

    static constexpr size_t kManyEntries = 4096;
    const MappingConfig config_;
    const Clock& clock_;
    Index remote_{Relation::remote};
    Index local_{Relation::local};

    std::array<size_t, 2> sized_{};   ///< entries that an index has been sized for
    std::atomic<bool> busy_ = false;  ///< a packet has waited for the lock in vain
    mutable std::mutex mutex_;        ///< of everything below
    std::array<std::vector<Entry*>, 2> rows_;
    std::array<std::array<uint64_t, 2>, 2> dynamic_{};  ///< by relation and family
    uint64_t serial_ = 0;
    Random random_;
    AllocationLimits limits_;
    RestArea<net::Ip> resting_eas_;
    RestArea<net::IpRef> resting_refs_;
    std::map<OwnerId, Owner> owners_;
    OwnerId last_owner_ = kGatewayItself;
    uint64_t statics_ = 0;
    uint32_t set_ = 0;       ///< number of the set that is being applied
    size_t own_ = 0;         ///< the gateway's own entries
    uint64_t sweep_at_ = 0;  ///< rows left of this round

    Journal* journal_ = nullptr;
    std::function<void(const std::vector<net::IpRef>&)> on_dropped_;
    std::function<void()> watch_;
    Observer observer_;  ///< empty: nobody looks
    // What the Write in hand has done so far:
    std::vector<Change> changes_;
    std::vector<Entry*> retired_;
    std::vector<net::IpRef> dropped_;
};

}  // namespace ipref::gw

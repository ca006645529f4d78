// SPDX-License-Identifier: GPL-2.0-or-later
// The two relations a gateway keeps: EA <-> (their gw, ref) and our IP <-> (our gw, our ref).
// Many reading threads without locks, one writer at a time (a mutex). See rcu.h for what a
// reading thread must do. Owned by main; outlives every reader, the store and the broker.
//
// Rules
// - Dynamic mappings expire after kMappingLife without use; their number then rests kMappingRest.
//   So does an encoded address that a static has freed, if it could be given out again.
// - A static wins over a dynamic mapping that holds its EA, its remote IPREF address or its ref.
// - Between owners, the hosts file wins over agents; among equals, who came first keeps it. What
//   is refused is reported in SetOutcome.
// - A host with several refs: all are honoured inwards, the newest of the peer's family is used
//   outwards. With a public address of zero, outward context addresses are zero, and inwards a
//   ref serves under any context address (an exact match goes first).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/ip.h"
#include "common/net/ref.h"
#include "gw/datapath/lookup.h"
#include "gw/mapping/change.h"
#include "gw/mapping/clock.h"
#include "gw/mapping/config.h"
#include "gw/mapping/random.h"

namespace ipref::gw {

/// Why an encoded address is refused.
enum class Refusal : uint8_t {
    family,       ///< no encode network or tunnel of that family
    not_unicast,  ///< gw is zero, loopback, link-local, multicast, broadcast, in an encode network
    limit,        ///< a limit against exhaustion
    exhausted,    ///< no free number left
};
/// A sentence for people.
std::string_view text_of(Refusal refusal);

struct Encoded {
    net::Ip ea;
    Seconds lifetime = 0;  ///< until it may end if nobody uses it
};

/// One mapping of a static set: remote is an EA and their IPREF address, local is our host and
/// ours.
struct StaticMapping {
    Relation relation = Relation::local;
    net::Ip ip;
    net::IpRef ipref;
    friend auto operator<=>(const StaticMapping&, const StaticMapping&) = default;
};

struct SetOutcome {
    uint32_t rejected = 0;
    std::vector<std::string> reasons;  ///< of the first few, each naming the mapping
};

/// Which owner a set belongs to. Names are unique.
struct OwnerName {
    std::string name;
    bool expires = false;   ///< agents' sources
    bool priority = false;  ///< the hosts file
};

/// The name of a hosts file as an owner.
inline std::string hosts_file_owner(const std::string& path) {
    return "hosts file " + path;
}

struct OwnerStatus {
    std::string name;
    uint32_t mappings = 0;
    bool has_hash = false;
    uint64_t hash = 0;
    Seconds confirmed_ago = 0;
    bool expires = false;
};

/// One row of a listing.
struct MappingRow {
    Relation relation = Relation::remote;
    net::Ip ip;
    net::IpRef ipref;
    std::string owner;     ///< "dynamic", "gateway" or the owner's name
    Seconds lifetime = 0;  ///< 0: does not expire
};

struct MappingPage {
    std::vector<MappingRow> rows;
    std::optional<uint64_t> next;  ///< for the next call; none: this was the last page
};

struct MappingFilter {
    std::optional<net::Ip> ip;
    std::optional<net::Ip> gw;
    std::optional<net::Ref> ref;
    std::string owner;  ///< empty: any
};

/// How much of something that is limited is in use.
struct Usage {
    enum class Of : uint8_t { remote, local, statics, owners };
    Of of = Of::remote;
    net::Family family =
        net::Family::v4;  ///< of remote: the encoded addresses'; local: the gateway's
    uint64_t held = 0;    ///< numbers that rest are held as well
    uint64_t limit = 0;
    /// What packets may fill of it, without anybody having asked a resolver; else the limit.
    uint64_t for_packets = 0;
};

class Table : public Lookup {
  public:
    /// `config` has been validated; `clock` outlives the table. `random`: where dynamic numbers
    /// come from.
    Table(MappingConfig config, const Clock& clock, Random random = Random());
    ~Table() override;
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    // The data path: an online RcuReader's thread. Hits write nothing but a use stamp; misses of
    // ours() and ea() take the writer lock.
    std::optional<net::IpRef> theirs(const net::Ip& ea) override;
    std::optional<net::IpRef> ours(const net::Ip& host, net::Family gw) override;
    std::optional<net::Ip> host(const net::IpRef& ours) override;
    std::optional<net::Ip> ea(const net::IpRef& theirs, net::Family ea) override;
    std::optional<net::IpRef> known_ours(const net::Ip& host, net::Family gw) override;
    std::optional<net::Ip> known_ea(const net::IpRef& theirs, net::Family ea) override;

    Seconds now() const;

    // Everything below: any thread, no RCU duties; what may drop mappings (replace, change,
    // withdraw, sweep): one thread.

    /// For resolvers: the EA of a remote IPREF address, allocated if it has none. Counts as use.
    tl::expected<Encoded, Refusal> encode(const net::IpRef& theirs, net::Family ea);
    /// The family resolvers get if they ask for none; none without an encode network.
    std::optional<net::Family> default_ea_family() const;

    /// Replaces the owner's set as a whole: what is in both stays untouched. Confirms the owner.
    /// `hash` is what its agent calls the set.
    SetOutcome replace(const OwnerName& owner, const std::vector<StaticMapping>& set,
                       std::optional<uint64_t> hash);
    /// Adds to and removes from the owner's set as one step. Confirms the owner.
    SetOutcome change(const OwnerName& owner, const std::vector<StaticMapping>& add,
                      const std::vector<StaticMapping>& remove, std::optional<uint64_t> hash);
    /// Drops the owner and its set; false if there is no such owner.
    bool withdraw(std::string_view owner);
    /// Whether the owner's set has this hash and, with what was refused of it, this many mappings,
    /// and nothing that was refused could be held by now; if so, confirms it.
    bool confirm(std::string_view owner, uint64_t hash, uint32_t count);
    /// Whether the owner's set has this hash, and nothing that was refused could be held by now: if
    /// not, its agent has to send all of it instead of a change.
    bool takes_change(std::string_view owner, uint64_t base) const;
    /// The hash the owner's set was given, if any.
    std::optional<uint64_t> hash_of(std::string_view owner) const;
    std::vector<OwnerStatus> owners() const;

    /// Examines at most `most` mappings for expiry (call it often, with slices; it remembers where
    /// it was), and owners for confirmation. Also journals use stamps that have moved on.
    void sweep(size_t most);

    /// At most `most` rows from `cursor` on (0: the start). Rows made or dropped while paging may
    /// be missed, others are seen, a few twice. With a filter a page may be short or empty.
    MappingPage page(uint64_t cursor, size_t most, const MappingFilter& filter) const;
    /// Mappings by relation, static and dynamic, without the gateway's own.
    size_t count(Relation relation) const;
    /// Numbers that rest after expiry.
    size_t resting() const;
    /// A row for each encode network and each gateway, statics, and owners.
    std::vector<Usage> usage() const;
    const MappingConfig& config() const;

    /// Changes are journalled from now on; nullptr: no more. Main, before readers start.
    void journal(Journal* journal);
    /// Called after remote mappings were dropped or changed, on the thread that did it, without
    /// the lock. Only slow-path operations drop, never Lookup's functions.
    void on_dropped(std::function<void(const std::vector<net::IpRef>&)> callback);

    /// For tests: called after each single change that readers can see, also in the middle of a
    /// set, with the lock held: look-ups that hit may be made, nothing else. Before readers start.
    void watch(std::function<void()> callback);

    /// What happens to mappings, told with the lock held by whichever thread does it: the observer
    /// must not call the table, and not take long. nullptr: no more.
    enum class Event : uint8_t { made, expired, ended };
    using Observer = std::function<void(Event event, const MappingRow& row)>;
    void observe(Observer observer);

    /// At start, from the store: in any order, owners before their mappings, no EA twice. False if
    /// the record does not fit the configuration (another encode network): the store then erases
    /// it.
    bool restore(const OwnerRecord& owner);
    bool restore(const MappingRecord& mapping);
    /// Why this gateway could not hold the mapping, whoever else holds what; nothing if it could.
    std::optional<std::string> unfit(const StaticMapping& mapping) const;
    /// Before so many are restored: room for them, so that each finds its place at once.
    void reserve(size_t remote, size_t local);
    /// Everything that must survive, as restore() takes it (owners first): for a store that starts
    /// anew.
    std::vector<Change> snapshot() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::gw

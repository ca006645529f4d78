// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of each remote gateway: the port it sends from, the path MTU, counters. The same
// for local IPv6 hosts, of whom only the MTU is of interest.
//
// Bounded: slots are made at start; when all are taken the least recently used one gives way, if
// it has not been used for kPeerLive: forged sources cannot push out peers that are there.
// Shared by the workers: a known peer is found through the worker's own PeerCache and read without
// a lock; the mutex is for peers that are new to a worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/net/ip.h"

namespace ipref::gw {

/// Monotonic, from any start but 0.
using PeerSeconds = uint32_t;

constexpr PeerSeconds kPathMtuLife = 600;  ///< then a larger packet is tried again (RFC 1191)
constexpr PeerSeconds kPortQuiet = 3;      ///< after so much silence another port is believed
constexpr PeerSeconds kPeerLive = 15;      ///< who was used since does not give way to a new peer

/// What the network may ask us to go down to. The kernel's own limit for IPv4
/// (net.ipv4.route.min_pmtu), RFC 8200 section 5 for IPv6: a forged "fragmentation needed" must
/// not make packets arbitrarily small.
constexpr uint32_t least_path_mtu(net::Family family) {
    return family == net::Family::v4 ? 552 : 1280;
}

/// One peer as it is shown.
struct PeerRow {
    net::Ip ip;
    uint16_t port = 0;      ///< 0: not learnt
    uint32_t path_mtu = 0;  ///< 0: nothing smaller than the interface's has been told
    uint64_t received_packets = 0;
    uint64_t received_bytes = 0;
    uint64_t sent_packets = 0;
    uint64_t sent_bytes = 0;
    PeerSeconds last_received = 0;  ///< 0: never
    uint64_t port_changes = 0;
    PeerSeconds last_used = 0;
};

/// Some of the peers, in no order.
struct PeerPage {
    std::vector<PeerRow> rows;
    size_t next = 0;  ///< for the next call; 0: this was the last page
};

/// What a sender needs of a peer.
struct PeerPath {
    uint16_t port = 0;  ///< 0: not learnt
    uint32_t mtu = 0;   ///< 0: that of the interface
};

class PeerCache;

class Peers {
  public:
    /// `most`: at least 1.
    explicit Peers(size_t most);

    // From workers, each with its own cache.

    /// Where and how large to send; counts packets of `bytes` in all as sent if that is not 0.
    PeerPath sending(PeerCache& cache, const net::Ip& ip, size_t bytes, PeerSeconds now,
                     size_t packets = 1);
    /// Datagrams from there proved good: the port is learnt, at once if none was. Another port
    /// takes its place only when it has been silent for kPortQuiet, and gives it back to it when
    /// it speaks again: a NAT that has forgotten is followed, who forges sources cannot take the
    /// answers of a peer that sends. True if the port changed.
    bool received(PeerCache& cache, const net::Ip& ip, uint16_t port, size_t bytes, PeerSeconds now,
                  size_t packets = 1);
    /// The path towards a peer carries no more than `mtu`. Ignored if it is not in the table,
    /// below least_path_mtu (taken as that) or no less than what is known and fresh.
    /// True if it was news.
    bool learn_mtu(PeerCache& cache, const net::Ip& ip, uint32_t mtu, PeerSeconds now);
    /// Like learn_mtu, and takes a slot if there is none.
    bool learn_mtu_of_new(PeerCache& cache, const net::Ip& ip, uint32_t mtu, PeerSeconds now);
    /// The MTU learnt, without making a slot; 0: none.
    uint32_t mtu(PeerCache& cache, const net::Ip& ip, PeerSeconds now);

    // From any thread.

    /// All of them, by address.
    std::vector<PeerRow> rows(PeerSeconds now) const;
    /// At most `most` of them, from `from` on (0: the start).
    PeerPage page(size_t from, size_t most, PeerSeconds now) const;
    size_t count() const;
    /// Peers heard of in the last `within` seconds.
    size_t active(PeerSeconds now, PeerSeconds within) const;
    /// How often a peer gave way to another.
    uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
    /// How often there was no slot, as all were in use: the peer is sent to at the default port.
    uint64_t untracked() const { return untracked_.load(std::memory_order_relaxed); }

  private:
    friend class PeerCache;
    struct Slot {
        /// Odd while the slot changes hands, and different after: a cached slot is good if this is
        /// what it was. Read again after the fields that it guards.
        std::atomic<uint32_t> generation = 0;
        std::atomic<uint32_t> used = 0;
        std::atomic<uint32_t> port = 0;
        std::atomic<uint64_t> mtu = 0;  // MTU in the high half, when it ends in the low one
        std::atomic<uint64_t> received_packets = 0;
        std::atomic<uint64_t> received_bytes = 0;
        std::atomic<uint64_t> sent_packets = 0;
        std::atomic<uint64_t> sent_bytes = 0;
        std::atomic<uint32_t> last_received = 0;
        std::atomic<uint64_t> port_changes = 0;
        std::atomic<uint32_t> port_heard = 0;     // when `port` was last sent from
        std::atomic<uint32_t> previous_port = 0;  // which `port` has replaced; 0: none
        // Under the mutex.
        net::Ip ip;
        uint32_t listed_as = 0;  // `used` when the slot was put where it is in order_
        bool taken = false;
    };
    struct Found {
        Slot* slot = nullptr;
        uint32_t generation = 0;
    };

    Found find(PeerCache& cache, const net::Ip& ip, PeerSeconds now, bool make);
    Found find_slowly(const net::Ip& ip, PeerSeconds now, bool make);
    std::optional<size_t> take_slot(PeerSeconds now);
    static bool change_port(Slot& slot, uint32_t port, PeerSeconds now);
    static PeerRow row_of(const Slot& slot, PeerSeconds now);
    static void clear(Slot& slot);
    static void touch(Slot& slot, PeerSeconds now);
    static uint32_t fresh_mtu(const Slot& slot, PeerSeconds now);
    static bool lower_mtu(const Found& found, const net::Ip& ip, uint32_t mtu, PeerSeconds now);

    mutable std::mutex mutex_;
    std::vector<Slot> slots_;
    size_t unused_ = 0;  // slots from here on were never taken
    std::unordered_map<net::Ip, size_t> by_ip_;
    std::list<size_t> order_;  // least recently used first, as of Slot::listed_as
    std::atomic<uint64_t> evicted_ = 0;
    std::atomic<uint64_t> untracked_ = 0;
};

/// A worker's shortcut to the slots it used last. One thread.
class PeerCache {
  private:
    friend class Peers;
    struct Entry {
        net::Ip ip;
        Peers::Slot* slot = nullptr;
        uint32_t generation = 0;
    };
    std::array<Entry, 256> entries_{};
};

}  // namespace ipref::gw

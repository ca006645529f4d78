// SPDX-License-Identifier: GPL-2.0-or-later
// One worker of the data path: takes batches of packets from its edges, translates, and sends on.
// Shares the mapping table and the peers with the other workers, nothing else; never waits for
// one. What it counts, others may read.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "common/run/log.h"
#include "common/run/metrics.h"
#include "gw/datapath/drop_reason.h"
#include "gw/datapath/edges.h"
#include "gw/datapath/icmp_limit.h"
#include "gw/datapath/lookup.h"
#include "gw/datapath/peers.h"
#include "gw/datapath/translate/settings.h"
#include "gw/datapath/translate/translate.h"
#include "gw/datapath/translate/waiting_fragments.h"

namespace ipref::gw {

/// What all workers have in common; outlives them, and does not change.
struct WorkerShared {
    const Settings& settings;
    Lookup& lookup;
    Peers& peers;   ///< remote gateways
    Peers& locals;  ///< local IPv6 hosts, for their MTU
    uint16_t remote_port = 1045;
    uint32_t mtu4 = 1500;  ///< of the public interface, by family of the tunnel
    uint32_t mtu6 = 1500;
    bool trace = false;  ///< a debug line for each packet
};

/// Which way a packet goes.
enum class Direction : uint8_t { out, in };  // into the tunnel, out of it

struct WorkerCounters {
    run::WorkerCounter tun_received_packets;
    run::WorkerCounter tun_received_bytes;
    run::WorkerCounter tun_sent_packets;
    run::WorkerCounter tun_sent_bytes;
    run::WorkerCounter udp_received_packets;
    run::WorkerCounter udp_received_bytes;
    run::WorkerCounter udp_sent_packets;
    run::WorkerCounter udp_sent_bytes;
    run::WorkerCounter icmp_errors;       ///< made by the gateway
    run::WorkerCounter path_mtu_changes;  ///< told by the network
    DropCounters out;
    DropCounters in;
};

/// What may be read now. An edge that reports an error is ready.
struct Ready {
    bool tun = false;
    bool udp4 = false;
    bool udp6 = false;
    bool any() const { return tun || udp4 || udp6; }
};

class Worker {
  public:
    /// The edges outlive it; `udp4` or `udp6` is nullptr where that family has no tunnel.
    Worker(const WorkerShared& shared, TunEdge& tun, UdpEdge* udp4, UdpEdge* udp6);

    /// One batch from each edge that is ready. Returns where more may wait.
    /// The thread is an online RcuReader if `shared.lookup` is the mapping table.
    Ready turn(Ready ready, Time now);
    /// Now and then: fragments that have waited too long are dropped.
    void tick(Time now);

    const WorkerCounters& counters() const { return counters_; }

  private:
    /// A datagram that waits for the end of the batch, and what it takes to answer its sender if
    /// it proves too large: the header that the translation overwrote.
    struct Waiting {
        std::array<uint8_t, 64> old_header;
        size_t old_size = 0;  ///< 0: its sender is not to be answered
        Packet packet;
    };
    /// The way out by one family of tunnel; vectors of the same length.
    struct Lane {
        UdpEdge* udp = nullptr;
        uint32_t mtu = 0;
        std::vector<Datagram> datagrams;
        std::vector<Waiting> waiting;
    };

    Lane& lane(net::Family family) { return lanes_[family == net::Family::v4 ? 0 : 1]; }
    bool from_tun();
    bool from_udp(Lane& lane);
    void learn_mtus(Lane& lane);

    void outward(Packet packet);
    void answer_held(Bytes packet);
    void send_translated(Packet& packet);
    void queue(const net::Endpoint& to, Packet& packet, Lane& lane);
    void flush(Lane& lane);
    void send(std::span<Datagram> datagrams, Lane& lane);
    void send_split(std::span<uint8_t> packet, const net::Endpoint& to, Lane& lane);
    void too_large_after_all(Waiting& waiting, const Datagram& datagram, Lane& lane);
    void answer_local(IcmpError error, Bytes original, size_t room);

    void inward(Packet packet, const net::Endpoint& from, Lane& lane);
    void deliver(std::span<uint8_t> packet, const net::Ip& to, bool df);
    void write_tun(Bytes head, Bytes rest);
    void answer_tunnel(IcmpError error, Bytes original, const net::Endpoint& from, Lane& lane);

    /// Largest IPREF packet for this peer now.
    size_t room_to(const net::Ip& peer, const PeerPath& path, const Lane& lane) const;
    /// What a log line may tell about a dropped packet; made into text only if it is written.
    struct About {
        Bytes packet = {};  ///< IP, on its way into the tunnel
        const net::Endpoint* peer = nullptr;
        int error = 0;
    };
    void drop(Direction direction, DropReason reason, const About& about);
    void trace(std::string_view what, Bytes packet) const;
    uint32_t random();

    const WorkerShared& shared_;
    TunEdge& tun_;
    std::array<Lane, 2> lanes_;
    WorkerCounters counters_;
    WaitingFragments waiting_out_;
    WaitingFragments waiting_in_;
    PeerCache peer_cache_;
    PeerCache local_cache_;
    IcmpLimit icmp_limit_;
    std::array<run::LogLimit, kDropReasons> log_limits_;
    uint64_t random_state_;
    Time now_{};
    PeerSeconds seconds_ = 1;

    Plan plan_;
    // One batch at a time is in the buffers, whichever side it came from.
    std::unique_ptr<uint8_t[]> memory_;
    std::vector<TunSpace> tun_spaces_;
    std::vector<DatagramSpace> udp_spaces_;
};

/// What is left of the clock for the peers' table: whole seconds, never 0.
PeerSeconds peer_seconds(Time now);

}  // namespace ipref::gw

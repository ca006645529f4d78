// SPDX-License-Identifier: GPL-2.0-or-later
// What both ways through a worker use: its edges, its clock, what it counts and how it reports.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "common/run/log.h"
#include "common/run/metrics.h"
#include "gw/datapath/drop_reason.h"
#include "gw/datapath/edges.h"
#include "gw/datapath/icmp_limit.h"
#include "gw/datapath/lookup.h"
#include "gw/datapath/offload/offloads.h"
#include "gw/datapath/peers.h"
#include "gw/datapath/tap.h"
#include "gw/datapath/translate/settings.h"
#include "gw/datapath/translate/translate.h"

namespace ipref::gw {

/// What all workers have in common; outlives them, and does not change.
struct WorkerShared {
    const Settings& settings;
    Lookup& lookup;
    Peers& peers;   ///< remote gateways
    Peers& locals;  ///< local IPv6 hosts, for their MTU
    Offloads& offloads;
    uint16_t remote_port = 1045;
    uint32_t mtu4 = 1500;  ///< of the public interface, by family of the tunnel
    uint32_t mtu6 = 1500;
    bool trace = false;  ///< a debug line for each packet
};

/// Which way a packet goes.
enum class Direction : uint8_t { out, in };  // into the tunnel, out of it

/// Packets of a super-packet count one by one, as if they had come or gone alone.
struct WorkerCounters {
    run::WorkerCounter tun_received_packets;
    run::WorkerCounter tun_received_bytes;
    run::WorkerCounter tun_sent_packets;
    run::WorkerCounter tun_sent_bytes;
    run::WorkerCounter udp_received_packets;
    run::WorkerCounter udp_received_bytes;
    run::WorkerCounter udp_sent_packets;
    run::WorkerCounter udp_sent_bytes;
    run::WorkerCounter tun_received_super;  ///< super-packets among what came from the TUN
    run::WorkerCounter tun_sent_super;      ///< and among what went there
    run::WorkerCounter icmp_errors;         ///< made by the gateway
    run::WorkerCounter path_mtu_changes;    ///< told by the network
    DropCounters out;
    DropCounters in;
};

/// One worker's. One thread, but for the counters, which others may read.
class WorkerState {
  public:
    /// The edges outlive it; `udp4` or `udp6` is nullptr where that family has no tunnel.
    WorkerState(const WorkerShared& shared, TunEdge& tun, UdpEdge* udp4, UdpEdge* udp6);

    /// At the start of each turn.
    void set_now(Time now);
    Time now() const { return now_; }
    PeerSeconds seconds() const { return seconds_; }

    UdpEdge* udp(net::Family family) const { return udp_[family == net::Family::v4 ? 0 : 1]; }
    /// Takes in what the network told of path MTUs.
    void learn_mtus(UdpEdge& udp);
    void learn_mtus();
    /// Largest IPREF packet for this peer now.
    size_t room_to(const net::Ip& peer, const PeerPath& path) const;
    /// Sends, and counts what was sent and what failed; what failed with EMSGSIZE is the caller's.
    void send(std::span<Datagram> datagrams, UdpEdge& udp);
    /// Writes one plain packet to the TUN, and counts it, or its drop.
    void write_local(Bytes head, Bytes rest);

    /// What a log line may tell about a dropped packet; made into text only if it is written.
    struct About {
        Bytes packet = {};    ///< IP, at the TUN
        Bytes datagram = {};  ///< IPREF, at the tunnel's socket, if that is what was dropped
        Bytes rest = {};      ///< what follows on it
        const net::Endpoint* peer = nullptr;
        int error = 0;
        uint64_t count = 1;  ///< packets, all for the same reason
    };
    void drop(Direction direction, DropReason reason, const About& about);
    /// If somebody listens: a packet that passes, in two parts, the first of `count`.
    void tapped(TapPoint point, Direction direction, Bytes head, Bytes rest,
                const net::Endpoint* peer, uint64_t count = 1) {
        if (tapping_) put_tap(point, direction, head, rest, peer, count);
    }
    /// If packets are to be traced.
    void trace(std::string_view what, const net::Endpoint& peer, Bytes packet) const;
    /// Identifications: to differ, not to be secret.
    uint32_t random();

    const WorkerShared& shared;
    TunEdge& tun;
    WorkerCounters counters;
    PeerCache peer_cache;
    PeerCache local_cache;
    IcmpLimit icmp_limit;
    Tap tap;

  private:
    void put_tap(TapPoint point, Direction direction, Bytes head, Bytes rest,
                 const net::Endpoint* peer, uint64_t count);

    void tap_drop(Direction direction, DropReason reason, const About& about);

    bool tapping_ = false;  // packets that pass, in this batch
    std::array<UdpEdge*, 2> udp_;
    std::array<run::LogLimit, kDropReasons> log_limits_;
    uint64_t random_state_;
    Time now_{};
    PeerSeconds seconds_ = 1;
};

/// What is left of the clock for the peers' table: whole seconds, never 0.
PeerSeconds peer_seconds(Time now);

/// Source of an IP packet; 0.0.0.0 if it is too short for one.
net::Ip source_of(Bytes packet);
net::Ip destination_of(Bytes packet);

}  // namespace ipref::gw

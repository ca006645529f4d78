// SPDX-License-Identifier: GPL-2.0-or-later
// The way out of the tunnel: datagrams from peers, as packets for local hosts. What of a batch is
// of one flow and in sequence goes to the TUN as one super-packet, gathered from where the segments
// lie.
#pragma once

#include <array>
#include <memory>

#include "gw/datapath/offload/coalescer.h"
#include "gw/datapath/translate/repeat.h"
#include "gw/datapath/translate/translate.h"
#include "gw/datapath/translate/waiting_fragments.h"
#include "gw/datapath/worker_state.h"

namespace ipref::gw {

class Inward {
  public:
    explicit Inward(WorkerState& state);

    /// One batch from the tunnel of that family. True if more may wait.
    bool turn(net::Family family);
    void tick(Time now) { waiting_fragments_.expire(now); }

  private:
    /// What came in one read, of one peer, and proved good.
    struct Good {
        size_t packets = 0;
        size_t bytes = 0;
    };

    void adapt(size_t count, size_t bytes);
    void bundle(Bytes bytes, size_t segment_size, const net::Endpoint& from, UdpEdge& udp);
    /// Whether the datagram proved good.
    bool take(Bytes packet, const net::Endpoint& from, UdpEdge& udp);
    void forward(Bytes packet, const net::Endpoint& from);
    size_t mtu_to(const net::Ip& to, bool df);
    void deliver(std::span<uint8_t> packet, size_t mtu);
    void answer(IcmpError error, Bytes original, const net::Endpoint& from, UdpEdge& udp);

    void begin();
    void flush();
    void write_singly(const Joined& joined);
    void give_up(const Joined& joined, int error);

    WorkerState& state_;
    WaitingFragments waiting_fragments_;
    Repeat repeat_;
    Plan plan_;
    Coalescer coalescer_;
    size_t most_ = kBatch;               // datagrams, or bundles of them, to read at once
    std::unique_ptr<uint8_t[]> memory_;  // one batch from the tunnel
    std::unique_ptr<uint8_t[]> single_;  // a packet in one piece
    std::array<DatagramSpace, kBatch> spaces_;
};

}  // namespace ipref::gw

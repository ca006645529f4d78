// SPDX-License-Identifier: GPL-2.0-or-later
// The way into the tunnel: packets and super-packets from the TUN, as IPREF packets to peers. A
// super-packet is cut here: each segment is headers made in a block of their own and a view of the
// payload, which stays where the kernel put it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "gw/datapath/offload/segmenter.h"
#include "gw/datapath/translate/repeat.h"
#include "gw/datapath/translate/translate.h"
#include "gw/datapath/translate/waiting_fragments.h"
#include "gw/datapath/worker_state.h"

namespace ipref::gw {

class Outward {
  public:
    explicit Outward(WorkerState& state);

    /// One batch. True if more may wait.
    bool turn();
    void tick(Time now) { waiting_fragments_.expire(now); }

  private:
    /// IPREF and TCP header.
    static constexpr size_t kHeadSpace = 144;
    /// Datagrams that wait for one send at most.
    static constexpr size_t kMostWaiting = 128;

    /// What it takes to answer a datagram's sender if it proves too large.
    struct Waiting {
        Packet packet;  ///< as the datagram was made from it
        /// The header that the translation overwrote.
        std::array<uint8_t, 64> old_header;
        size_t old_size = 0;  ///< 0: nothing was overwritten
        bool answerable = false;
    };
    /// The way out by one family of tunnel; vectors of the same length.
    struct Lane {
        UdpEdge* udp = nullptr;
        std::vector<Datagram> datagrams;
        std::vector<Waiting> waiting;
        std::array<std::array<uint8_t, kHeadSpace>, kMostWaiting> heads;  ///< of segments
    };
    /// Where a translated packet goes, and how much fits.
    struct Way {
        Lane& lane;
        net::Endpoint to;
        size_t room;
    };

    Lane& lane(net::Family family) { return lanes_[family == net::Family::v4 ? 0 : 1]; }

    void take(Packet packet, const VnetHeader& offload);
    void plain(Packet packet);
    void translated(Packet& packet);
    void released(const Way& way);
    void super(Packet packet, const VnetHeader& offload);
    void segments(const Segmenter& cut, Packet& packet, const Way& way);
    void segments_singly(const Segmenter& cut, Bytes payload);
    Verdict translate(Bytes packet);
    /// None, and the packet is dropped, if there is no tunnel of the peer's family.
    std::optional<Way> way_of_plan(Bytes packet, size_t packets, size_t bytes);
    void refuse(const Verdict& verdict, Bytes packet, size_t packets);
    void too_big(Bytes packet, const Way& way, size_t packets);

    void queue(const Way& way, Packet& packet);
    void flush(Lane& lane);
    void send_split(std::span<uint8_t> packet, const net::Endpoint& to, UdpEdge& udp);
    void too_large_after_all(Waiting& waiting, const Datagram& datagram, UdpEdge& udp);
    void answer_held(Bytes packet);
    void answer(IcmpError error, Bytes original, size_t room);

    WorkerState& state_;
    std::array<Lane, 2> lanes_;
    WaitingFragments waiting_fragments_;
    Repeat repeat_;
    Plan plan_;
    std::unique_ptr<uint8_t[]> memory_;  // one batch from the TUN
    std::unique_ptr<uint8_t[]> single_;  // a segment on its own
    std::array<TunPacket, kBatch> packets_;
};

}  // namespace ipref::gw

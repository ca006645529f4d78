// SPDX-License-Identifier: GPL-2.0-or-later
// The two edges of the data path, as a worker sees them: what reads and writes vectors of packets.
// The real ones are TunQueue and TunnelSocket; tests have doubles in memory. Nothing is buffered
// between a worker and its edges. One thread an edge.
#pragma once

#include <cstdint>
#include <span>

#include "common/net/ip.h"
#include "common/wire/cursor.h"
#include "gw/datapath/offload/vnet_header.h"
#include "gw/datapath/translate/packet.h"

namespace ipref::gw {

using wire::Bytes;

/// What is read before what came of it is sent: so many packets, or the packets that fit into so
/// many bytes, or one. More would not save calls worth counting, and leave the cache. 63 datagrams
/// are what every kernel sends in one call (some count the header of 8 bytes against 64).
constexpr size_t kBatch = 63;
constexpr size_t kBatchBytes = 256 << 10;
constexpr size_t kPacketSpace = 65536;  ///< of one packet or super-packet, either side
/// Bytes for one batch from the TUN.
constexpr size_t kTunSpace = kBatchBytes + 2 * kPacketSpace;

/// A packet, or super-packet, from the TUN.
struct TunPacket {
    size_t start = 0;  ///< in the space given to read(); kHeadroom bytes before it are free
    size_t size = 0;
    VnetHeader offload;
};

/// The local network.
class TunEdge {
  public:
    virtual ~TunEdge() = default;
    /// To wait for, readable.
    virtual int fd() const = 0;
    /// A batch of packets that wait, at most into.size(), without blocking. 0: none. `space` has
    /// kTunSpace bytes.
    virtual size_t read(std::span<uint8_t> space, std::span<TunPacket> into) = 0;
    /// Writes one IP packet, or super-packet, in at most Joined::kMostSegments + 1 parts; the first
    /// holds the whole IP header. 0 or an errno. Does not block.
    virtual int write(const VnetHeader& offload, std::span<const Bytes> parts) = 0;
};

/// Where a datagram goes. The space is the worker's.
struct DatagramSpace {
    std::span<uint8_t> space;
    size_t size = 0;          ///< filled in
    size_t segment_size = 0;  ///< filled in: of each datagram but the last, if it is several
    net::Endpoint from;       ///< filled in
};

/// A datagram to send, in two parts, the second may be empty. The bytes are the worker's.
struct Datagram {
    net::Endpoint to;
    Bytes head;
    Bytes rest;
    int error = 0;  ///< filled in: 0 if it was sent, or why not

    size_t size() const { return head.size() + rest.size(); }
};

/// The network told a smaller path MTU (of the outer IP packet) towards a peer.
struct PathMtu {
    net::Ip peer;
    uint32_t mtu = 0;
};

/// The tunnel.
class UdpEdge {
  public:
    virtual ~UdpEdge() = default;
    virtual int fd() const = 0;
    /// Datagrams that wait, at most into.size(), without blocking. 0: none. With UDP_GRO each may
    /// be several of one peer.
    virtual size_t receive(std::span<DatagramSpace> into) = 0;
    /// Tries each; one that fails does not stop the others. Neighbours of one size and peer may go
    /// in one call (UDP_SEGMENT).
    virtual void send(std::span<Datagram> datagrams) = 0;
    /// What the network reported since the last call, at most into.size(); 0: nothing.
    virtual size_t path_mtus(std::span<PathMtu> into) = 0;
};

}  // namespace ipref::gw

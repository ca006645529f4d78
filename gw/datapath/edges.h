// SPDX-License-Identifier: GPL-2.0-or-later
// The two edges of the data path, as a worker sees them: what reads and writes vectors of packets.
// The real ones are TunQueue and TunnelSocket; tests have doubles in memory. Nothing is buffered
// between a worker and its edges. One thread an edge.
#pragma once

#include <cstdint>
#include <span>

#include "common/net/ip.h"
#include "common/wire/cursor.h"

namespace ipref::gw {

using wire::Bytes;

constexpr size_t kBatch = 64;           ///< packets read before what came of them is sent
constexpr size_t kPacketSpace = 65536;  ///< of one packet, either side

/// Where a packet from the TUN goes. The space is the worker's.
struct TunSpace {
    std::span<uint8_t> space;
    size_t size = 0;  ///< filled in
};

/// The local network.
class TunEdge {
  public:
    virtual ~TunEdge() = default;
    /// To wait for, readable.
    virtual int fd() const = 0;
    /// Packets that wait, at most into.size(), without blocking. 0: none.
    virtual size_t read(std::span<TunSpace> into) = 0;
    /// Writes one IP packet, given as its beginning, which holds the whole IP header, and the rest,
    /// which may be empty. 0 or an errno. Does not block.
    virtual int write(Bytes head, Bytes rest) = 0;
};

/// Where a datagram goes. The space is the worker's.
struct DatagramSpace {
    std::span<uint8_t> space;
    size_t size = 0;     ///< filled in
    net::Endpoint from;  ///< filled in
};

/// A datagram to send, in two parts, the second may be empty. The bytes are the worker's.
struct Datagram {
    net::Endpoint to;
    Bytes head;
    Bytes rest;
    int error = 0;  ///< filled in: 0 if it was sent, or why not
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
    /// Datagrams that wait, at most into.size(), without blocking. 0: none.
    virtual size_t receive(std::span<DatagramSpace> into) = 0;
    /// Tries each; one that fails does not stop the others.
    virtual void send(std::span<Datagram> datagrams) = 0;
    /// What the network reported since the last call, at most into.size(); 0: nothing.
    virtual size_t path_mtus(std::span<PathMtu> into) = 0;
};

}  // namespace ipref::gw

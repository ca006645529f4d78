// SPDX-License-Identifier: GPL-2.0-or-later
// The tunnel's UDP sockets: one a worker and family, all on one port.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <vector>

#include "common/result.h"
#include "common/run/fd.h"
#include "gw/datapath/edges.h"

namespace ipref::gw {

/// Whether nobody else, another gateway included, has this UDP port. To be asked before the first
/// open_tunnel_socket(): their SO_REUSEPORT would let a second gateway take half of the packets.
/// An error names the port and the remedy.
Result<void> probe_tunnel_port(const net::Endpoint& at);

/// A non-blocking socket on `at` that shares the port with the gateway's others, sends with "don't
/// fragment", reports path MTUs, and has large buffers. Errors name the address and the remedy.
Result<run::Fd> open_tunnel_socket(const net::Endpoint& at);

/// One socket as a worker's edge. Does not own the descriptor, which outlives it.
class TunnelSocket final : public UdpEdge {
  public:
    explicit TunnelSocket(int fd);

    int fd() const override { return fd_; }
    size_t receive(std::span<DatagramSpace> into) override;
    void send(std::span<Datagram> datagrams) override;
    size_t path_mtus(std::span<PathMtu> into) override;

  private:
    size_t send_some(std::span<Datagram> datagrams);

    int fd_;
    std::array<mmsghdr, kBatch> messages_{};
    std::array<sockaddr_storage, kBatch> names_{};
    std::array<std::array<iovec, 2>, kBatch> parts_{};
};

}  // namespace ipref::gw

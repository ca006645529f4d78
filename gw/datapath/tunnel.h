// SPDX-License-Identifier: GPL-2.0-or-later
// The tunnel's UDP sockets: one a worker and family, all on one port.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <functional>

#include "common/result.h"
#include "common/run/fd.h"
#include "gw/datapath/edges.h"
#include "gw/datapath/offload/offloads.h"

namespace ipref::gw {

/// Whether nobody else, another gateway included, has this UDP port. To be asked before the first
/// open_tunnel_socket(): their SO_REUSEPORT would let a second gateway take half of the packets.
/// An error names the port and the remedy.
Result<void> probe_tunnel_port(const net::Endpoint& at);

/// Most datagrams in one UDP_SEGMENT message: UDP_MAX_SEGMENTS is 64, against which kernels before
/// 6.9 count the UDP header as well.
constexpr size_t kMostSegmented = 63;
/// Most bytes in one: what one UDP datagram could have.
constexpr size_t most_segmented_bytes(net::Family family) {
    return family == net::Family::v4 ? 65507 : 65527;
}

/// A non-blocking socket on `at` that shares the port with the gateway's others, sends with "don't
/// fragment", reports path MTUs, and has large buffers. Errors name the address and the remedy.
Result<run::Fd> open_tunnel_socket(const net::Endpoint& at);

/// Whether a socket that was kept since open_tunnel_socket() made it is one for `at`, in this
/// network namespace; the error says what it is instead.
Result<void> fits_tunnel(int fd, const net::Endpoint& at);

/// sendmmsg(2), or what a test has in its place.
using SendMessages = std::function<int(int fd, mmsghdr* messages, unsigned count, int flags)>;

/// One socket as a worker's edge. Does not own the descriptor, which outlives it.
///
/// Sending, neighbours of one size to one peer are one message with UDP_SEGMENT, whatever flows
/// they belong to; a shorter one may come last. A message that the kernel refuses is sent again one
/// by one; if that shows that the kernel cannot do it, UDP_SEGMENT is given up.
class TunnelSocket final : public UdpEdge {
  public:
    /// Sets up UDP_GRO, on or off, and tries UDP_SEGMENT, as `offloads` has them; notes what is
    /// not there.
    TunnelSocket(int fd, net::Family family, Offloads& offloads, SendMessages send = ::sendmmsg);

    int fd() const override { return fd_; }
    size_t receive(std::span<DatagramSpace> into) override;
    void send(std::span<Datagram> datagrams) override;
    size_t path_mtus(std::span<PathMtu> into) override;
    /// Datagrams lost so far because the socket's buffer was full. Any thread.
    uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

  private:
    /// Of one message: what the kernel adds to a datagram that was received.
    struct Control {
        alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(int)) * 2> bytes;
    };

    size_t fill(std::span<Datagram> datagrams);
    void fill_message(size_t message, size_t& part, std::span<Datagram> group);
    int try_send(size_t messages, int& error);
    void refused(std::span<Datagram> group, int error);
    void send_singly(std::span<Datagram> group);
    void read_control(msghdr& header, DatagramSpace& into);

    int fd_;
    net::Family family_;
    Offloads& offloads_;
    SendMessages send_;
    unsigned refused_in_row_ = 0;
    std::atomic<uint64_t> overflows_ = 0;
    std::array<mmsghdr, kBatch> messages_{};
    std::array<sockaddr_storage, kBatch> names_{};
    std::array<Control, kBatch> controls_{};
    std::array<size_t, kBatch> grouped_{};  // datagrams in each message
    std::array<iovec, 4 * kBatch> parts_{};
};

}  // namespace ipref::gw

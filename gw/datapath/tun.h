// SPDX-License-Identifier: GPL-2.0-or-later
// The TUN interface: made, set up, and its queues. Source: spec "ipref-gw", section "Interface".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/fd.h"
#include "common/run/listen_fds.h"
#include "gw/datapath/edges.h"
#include "gw/datapath/netlink.h"
#include "gw/datapath/offload/offloads.h"
#include "gw/datapath/translate/settings.h"

namespace ipref::gw {

constexpr uint32_t kDefaultMtu = 1500;  ///< of an interface that is not known

struct TunOptions {
    std::string name;     ///< empty: the first free tunN
    unsigned queues = 1;  ///< one a worker
    uint32_t mtu = 1460;
    std::vector<EncodeNet> encode_nets;  ///< one a family
};

/// Packets that wait for a gateway that is busy: as long as it is off its CPU for some milliseconds
/// at several 100,000 a second. The kernel's default of 500 is lost in the burst of one sender.
constexpr uint32_t kTunQueueLength = 4096;

/// The interface lives as long as one of its queues is open.
struct Tun {
    std::string name;
    unsigned index = 0;
    std::vector<run::Fd> queues;  ///< non-blocking, one packet a read or write, after a VnetHeader
    bool kept = false;            ///< the gateway before has made it
};

/// Each error names the thing and the remedy. Needs CAP_NET_ADMIN. What of `offloads` concerns the
/// TUN is set up, and tried where the kernel does not tell; what is not there is noted.
///
/// Queues that `store` has are used if their interface has the name (if one is asked for) and the
/// addresses; MTU, offloads and the number of queues are brought into line. An interface that does
/// not fit is removed and made anew, with a line in the log. New queues go into the store.
Result<Tun> open_tun(Netlink& netlink, const TunOptions& options, Offloads& offloads,
                     run::FdStore& store);

/// MTU of the interface that has `bind`; kDefaultMtu if none has, or `bind` is zero.
Result<uint32_t> interface_mtu(Netlink& netlink, const net::Ip& bind);

/// One queue as the worker's edge. Does not own the descriptors, which outlive it. Packets whose
/// source is an own EA go by the raw sockets: the kernel drops its own address as a source from a
/// TUN. `raw4` and `raw6` may be -1 where a family is not served.
class TunQueue final : public TunEdge {
  public:
    TunQueue(int fd, std::vector<net::Ip> own, int raw4, int raw6)
        : fd_(fd), raw4_(raw4), raw6_(raw6), own_(std::move(own)) {}

    int fd() const override { return fd_; }
    size_t read(std::span<uint8_t> space, std::span<TunPacket> into) override;
    int write(const VnetHeader& offload, std::span<const Bytes> parts) override;

  private:
    bool from_own(Bytes head) const;
    int write_raw(std::span<const Bytes> parts) const;

    int fd_;
    int raw4_;
    int raw6_;
    std::vector<net::Ip> own_;
};

/// A socket that sends whole IP packets of one family, from addresses of this host.
Result<run::Fd> open_raw(net::Family family);

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// The few requests to rtnetlink(7) that the gateway makes at start-up, by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/fd.h"

namespace ipref::gw {

/// An address of this host.
struct InterfaceAddress {
    net::Ip ip;
    unsigned bits = 0;  ///< of its prefix
    unsigned index = 0;
    std::string name;  ///< of the interface; its index if it has just gone
};

/// One blocking netlink socket; errors name the request and the kernel's reason.
class Netlink {
  public:
    static Result<Netlink> open();

    Result<std::vector<InterfaceAddress>> addresses();
    /// MTU of an interface.
    Result<uint32_t> mtu(unsigned index);
    Result<void> set_mtu(unsigned index, uint32_t mtu);
    /// Packets that may wait to be sent.
    Result<void> set_queue_length(unsigned index, uint32_t length);
    Result<void> set_up(unsigned index);
    Result<void> remove(unsigned index);
    /// No link-local address and no router solicitation on this interface. Fails harmlessly where
    /// IPv6 is off.
    Result<void> no_link_local(unsigned index);
    /// The address with its prefix (and so the route to it); no duplicate address detection.
    Result<void> add_address(unsigned index, const net::Ip& ip, unsigned bits);

  private:
    explicit Netlink(run::Fd fd) : fd_(std::move(fd)) {}
    struct Request;
    /// Sends and waits for the kernel's answer: 0 or an errno. Messages of a dump or a get go to
    /// `replies`.
    int exchange(Request& request, std::vector<std::vector<uint8_t>>* replies);
    Result<void> change(Request& request, const std::string& what);

    run::Fd fd_;
    uint32_t sequence_ = 0;
};

}  // namespace ipref::gw

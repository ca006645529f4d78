// SPDX-License-Identifier: GPL-2.0-or-later
// Which addresses a server block listens on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::resolver {

/// An address of an interface of this machine.
struct InterfaceAddress {
    std::string interface;
    net::Ip ip;
};
/// All of them, in the kernel's order.
Result<std::vector<InterfaceAddress>> interface_addresses();

/// Words of a `bind` line, addresses and names of interfaces, to addresses without those of
/// `except`, each once, in order. An IPv6 link-local address of an interface is left out: it
/// cannot be bound without a zone. A word that is neither is an error that names it.
Result<std::vector<net::Ip>> bind_addresses(const std::vector<std::string>& words,
                                            const std::vector<std::string>& except,
                                            const std::vector<InterfaceAddress>& interfaces);

}  // namespace ipref::resolver

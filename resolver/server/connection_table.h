// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the connections of all stream listeners, of all workers: so many in all, so many from one
// client. A client is an IPv4 address or an IPv6 /64, which is what one host is given.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "common/net/ip.h"

namespace ipref::resolver {

/// What counts as one client: an IPv4 address, an IPv6 /64.
net::Ip one_client(const net::Ip& address);

class ConnectionTable {
  public:
    static constexpr size_t kTotal = 1000;
    static constexpr size_t kOfOneClient = 200;
    explicit ConnectionTable(size_t total = kTotal, size_t of_one_client = kOfOneClient)
        : total_(total), of_one_client_(of_one_client) {}

    /// From any thread. False, and nothing counted, if there are too many.
    bool enter(const net::Ip& client);
    void leave(const net::Ip& client);
    /// More than nine tenths are taken: idle connections have to go sooner.
    bool crowded() const;

  private:
    const size_t total_;
    const size_t of_one_client_;
    mutable std::mutex mutex_;
    size_t open_ = 0;
    std::unordered_map<net::Ip, size_t> clients_;
};

}  // namespace ipref::resolver

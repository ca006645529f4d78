// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/connection_table.h"

namespace ipref::resolver {

net::Ip one_client(const net::Ip& address) {
    return address.is_v4() ? address : net::Cidr(address, 64).ip();
}

bool ConnectionTable::enter(const net::Ip& client) {
    const std::lock_guard lock(mutex_);
    if (open_ >= total_) return false;
    const auto [at, fresh] = clients_.try_emplace(one_client(client), 0);
    if (at->second >= of_one_client_) return false;
    at->second++;
    open_++;
    return true;
}

void ConnectionTable::leave(const net::Ip& client) {
    const std::lock_guard lock(mutex_);
    const auto at = clients_.find(one_client(client));
    if (--at->second == 0) clients_.erase(at);
    open_--;
}

bool ConnectionTable::crowded() const {
    const std::lock_guard lock(mutex_);
    return open_ * 10 > total_ * 9;
}

}  // namespace ipref::resolver

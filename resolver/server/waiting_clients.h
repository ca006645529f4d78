// SPDX-License-Identifier: GPL-2.0-or-later
// Which clients' queries wait for others, so that one client cannot have all that may wait. One
// worker's; see one_client() for what counts as one.
#pragma once

#include <unordered_map>

#include "common/net/ip.h"
#include "resolver/server/connection_table.h"

namespace ipref::resolver {

class Query;

class WaitingClients {
  public:
    explicit WaitingClients(size_t most) : most_(most) {}

    /// This client's queries are as many as may be. This machine's own never are.
    bool full(const net::Ip& client) const {
        const auto at = clients_.find(one_client(client));
        return at != clients_.end() && at->second >= most_;
    }
    /// Once more for the same query does nothing.
    void enter(const Query& query, const net::Ip& client) {
        if (client.is_loopback()) return;
        const auto [at, fresh] = queries_.try_emplace(&query, one_client(client));
        if (fresh) clients_[at->second]++;
    }
    /// The query ends, whether it ever waited or not.
    void leave(const Query& query) {
        if (queries_.empty()) return;
        const auto at = queries_.find(&query);
        if (at == queries_.end()) return;
        const auto client = clients_.find(at->second);
        if (--client->second == 0) clients_.erase(client);
        queries_.erase(at);
    }

  private:
    const size_t most_;
    std::unordered_map<const Query*, net::Ip> queries_;
    std::unordered_map<net::Ip, size_t> clients_;
};

}  // namespace ipref::resolver

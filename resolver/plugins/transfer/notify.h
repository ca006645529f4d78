// SPDX-License-Identifier: GPL-2.0-or-later
// Telling other servers that a zone has new data (RFC 1996): a NOTIFY over UDP, repeated a few
// times until it is acknowledged; signed, where there is a key, and then acknowledged so.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "common/dns/upstream.h"
#include "resolver/plugins/file/zone.h"
#include "resolver/plugins/transfer/transfer.h"

namespace ipref::resolver {

class Notifier {
  public:
    explicit Notifier(run::Loop& loop) : loop_(loop) {}

    /// Tells all that have an address. Tries that are still going on for the same zone and server
    /// go on in its place.
    void tell(const Name& origin, const std::vector<Recipient>& servers);

  private:
    void send(const Name& origin, const Recipient& server, int tries_left);

    run::Loop& loop_;
    std::map<net::Endpoint, std::unique_ptr<dns::Upstream>> servers_;
    std::set<std::pair<std::string, net::Endpoint>> going_on_;
};

}  // namespace ipref::resolver

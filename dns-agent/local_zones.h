// SPDX-License-Identifier: GPL-2.0-or-later
// The LOCAL zones, transferred from the servers that local names are looked up at, where one of
// them allows it. The serial is asked first: a zone that has not changed is not transferred again.
// Several who want one zone at the same time share one transfer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/dns/transfer.h"
#include "common/result.h"
#include "dns-agent/local_zone.h"

namespace ipref::agent {

class LocalZones {
  public:
    using Answer = Result<std::shared_ptr<const LocalZone>>;
    using Callback = std::function<void(const Answer&)>;

    /// `servers` are tried in turn; without one every zone is an error.
    LocalZones(run::Loop& loop, std::vector<net::Endpoint> servers);
    ~LocalZones();

    /// After nobody gave the zone, the servers are asked again at once, or not for ten minutes: for
    /// who can do without it.
    enum class Ask : uint8_t { always, unless_refused };
    /// Calls back once, from the loop, never from inside this call. The error names the servers.
    void get(const dns::Name& zone, Ask ask, Callback callback);

  private:
    class One;
    run::Loop& loop_;
    std::vector<net::Endpoint> servers_;
    std::map<dns::Name, std::unique_ptr<One>> zones_;
};

}  // namespace ipref::agent

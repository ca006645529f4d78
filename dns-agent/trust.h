// SPDX-License-Identifier: GPL-2.0-or-later
// How a zone's keys come to be trusted (-dnssec): from the anchor that is nearest above the zone
// down through the signed delegations (DS), asked of a resolver and each validated here, so that
// the resolver need not be trusted. A zone with an anchor of its own needs nobody asked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/dnssec.h"
#include "dns-agent/asker.h"

namespace ipref::agent {

class Trust {
  public:
    /// DS or DNSKEY records of the zone, or why none can be trusted.
    using Outcome = tl::expected<std::shared_ptr<const dns::TrustAnchors>, std::string>;
    using Callback = std::function<void(const Outcome&)>;

    /// `resolvers` are asked in turn.
    Trust(run::Loop& loop, std::vector<net::Endpoint> resolvers, dns::TrustAnchors anchors);
    ~Trust();

    /// Calls back once, from the loop, never from inside this call.
    void get(const dns::Name& zone, Callback callback);

  private:
    class Walk;

    run::Loop& loop_;
    std::vector<net::Endpoint> resolvers_;
    dns::TrustAnchors anchors_;
    std::map<dns::Name, std::unique_ptr<Walk>> walks_;
};

}  // namespace ipref::agent

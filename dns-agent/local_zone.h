// SPDX-License-Identifier: GPL-2.0-or-later
// The zone LOCAL as a transfer gives it: the addresses of all hosts in one answer, instead of a
// query for each, and the names to ask for where the public zone cannot be transferred. No I/O.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/dns/wire_message.h"
#include "dns-agent/match.h"

namespace ipref::agent {

class LocalZone {
  public:
    static constexpr size_t kMostRecords = 1'000'000;  ///< of those that are kept
    using Step = tl::expected<void, std::string>;

    explicit LocalZone(const dns::Name& zone) : zone_(zone) {}
    /// A record of the transfer; the error ends it.
    Step add(const dns::MessageReader& reader, const dns::RecordView& view);

    uint32_t serial = 0;
    /// The addresses of a name, CNAMEs followed. Nothing if the zone does not know: the name is
    /// delegated, may come of a wildcard or DNAME, or leads out of the zone.
    std::optional<Found> find(const dns::Name& name, net::Family family) const;
    /// The labels of names just below the zone's that have an address or a CNAME, each put in
    /// front of `to`; those that would be too long are left out. In order.
    std::vector<dns::Name> names_under(const dns::Name& to) const;

  private:
    struct Node {
        std::vector<net::Ip> ips;
        std::optional<dns::Name> alias;
    };
    Step add_alias(const dns::MessageReader& reader, const dns::RecordView& view);
    Step add_address(const dns::RecordView& view);
    bool cut_off(const dns::Name& name) const;

    dns::Name zone_;
    std::unordered_map<dns::Name, Node> nodes_;
    std::unordered_set<dns::Name> cuts_;  ///< delegations
    bool made_up_ = false;                ///< wildcards or DNAMEs: names may come of them
    size_t records_ = 0;
};

}  // namespace ipref::agent

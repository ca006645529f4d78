// SPDX-License-Identifier: GPL-2.0-or-later
// Looks up all names that a zone's records need, a bounded number at a time. Where there are many
// hosts, their addresses come from a transfer of LOCAL if a server gives it away.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns-agent/match.h"
#include "dns-agent/world.h"

namespace ipref::agent {

class LookUpRun {
  public:
    static constexpr size_t kAtATime = 100;
    using Callback = std::function<void(LookUps found, std::vector<std::string> warnings)>;

    /// Hosts are names in `local`. `before`: what the run before found. Where a server does not
    /// answer, that still holds, with a warning: only a definite answer makes a host disappear.
    LookUpRun(World& world, const dns::Name& local, Wanted wanted, Families families,
              LookUps before, Callback callback);

    /// Never calls back from inside.
    void start();

    /// A gateway's address is looked up again when its TTL is over, not earlier than this.
    static Milliseconds shortest(size_t gateways);

  private:
    void begin();
    bool take_from_zone(size_t index);
    void more();
    void answered(size_t index, const Result<dns::Answer>& answer);
    bool is_host(size_t index) const { return index < wanted_.hosts.size(); }
    const std::string& name(size_t index) const;
    net::Family family(size_t index) const { return is_host(index) ? families_.ea : families_.gw; }
    Found found_in(const dns::Answer& answer, size_t index) const;

    World& world_;
    dns::Name local_;
    Wanted wanted_;
    Families families_;
    LookUps before_;
    LookUps found_;
    std::vector<std::string> warnings_;
    Callback callback_;
    std::shared_ptr<const LocalZone> zone_;  ///< if it was wanted and given
    std::vector<size_t> due_;                ///< what is looked up
    std::unique_ptr<Alarm> nothing_to_do_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
    size_t next_ = 0;
    size_t open_ = 0;
};

}  // namespace ipref::agent

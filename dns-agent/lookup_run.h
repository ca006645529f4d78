// SPDX-License-Identifier: GPL-2.0-or-later
// Looks up all names that a zone's records need, a bounded number at a time.
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

    /// `before`: what the run before found. Where a server does not answer, that still holds, with
    /// a warning: only a definite answer makes a host disappear.
    LookUpRun(World& world, Wanted wanted, Families families, LookUps before, Callback callback);

    /// Never calls back from inside.
    void start();

  private:
    void more();
    void answered(size_t index, const Result<dns::Answer>& answer);
    bool is_host(size_t index) const { return index < wanted_.hosts.size(); }
    const std::string& name(size_t index) const;

    World& world_;
    Wanted wanted_;
    Families families_;
    LookUps before_;
    LookUps found_;
    std::vector<std::string> warnings_;
    Callback callback_;
    std::unique_ptr<Alarm> nothing_to_do_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
    size_t next_ = 0;
    size_t open_ = 0;
};

}  // namespace ipref::agent

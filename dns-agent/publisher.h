// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the mapper's idea of one source equal to ours: the full set when it changes (or the
// difference, when that is small), the hash at every poll, everything again when the mapper says
// that it does not know the hash or when the connection was lost. One request at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dns-agent/world.h"

namespace ipref::agent {

class Publisher {
  public:
    /// `heard` is called when trouble() may have changed.
    Publisher(World& world, Mapper& mapper, mapper::Source source, Milliseconds longest_retry,
              std::function<void()> heard = {});
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    /// From now on these are published.
    void set(std::shared_ptr<const wire::HostSet> set);
    /// From now on nothing is.
    void withdraw();
    /// The mapper knows that there is nothing (more).
    bool is_withdrawn() const { return told_withdrawn_; }
    /// A poll was made: asks the mapper whether it still holds what it was given.
    void poll();
    /// The connection is there again: the mapper may hold something else, or nothing.
    void connected();

    /// What the mapper did not do last; empty: it did all.
    const std::string& trouble() const { return trouble_; }
    /// What is published; nullptr if nothing is, or was yet.
    const std::shared_ptr<const wire::HostSet>& current() const { return wanted_; }

  private:
    enum class Want : uint8_t { nothing, set, withdrawn };
    void step();
    void send_set();
    Mapper::Callback when_done(void (Publisher::*then)(const mapper::Done&));
    void set_done(const mapper::Done& done);
    void confirmed(const mapper::Done& done);
    void withdrawn(const mapper::Done& done);
    void failed(const mapper::Failure& failure);
    void tell(std::string trouble);

    World& world_;
    Mapper& mapper_;
    mapper::Source source_;
    std::string name_;
    Backoff backoff_;
    std::unique_ptr<Alarm> retry_;
    std::function<void()> heard_;
    std::string trouble_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();  // callbacks outlive us

    Want want_ = Want::nothing;
    std::shared_ptr<const wire::HostSet> wanted_;
    std::shared_ptr<const wire::HostSet> sending_;
    std::shared_ptr<const wire::HostSet> held_;  ///< what the mapper acknowledged
    bool told_withdrawn_ = false;
    bool confirm_due_ = false;
    bool busy_ = false;
};

/// From one set to another. Nothing if sending all is simpler: much has changed, or an IPREF
/// address went from one host to another.
std::optional<mapper::Change> change_between(const wire::HostSet& from, const wire::HostSet& to);

}  // namespace ipref::agent

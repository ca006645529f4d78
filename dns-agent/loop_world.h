// SPDX-License-Identifier: GPL-2.0-or-later
// The World on the libuv loop: real time, real chance, TCP, c-ares, the log.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <random>

#include "dns-agent/world.h"

namespace ipref::agent {

class LoopWorld : public World {
  public:
    LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver,
              std::optional<dns::TsigKey> key, const dns::TransferLimits& limits);
    ~LoopWorld() override;

    Milliseconds now() override { return loop_.now(); }
    double chance() override;
    std::unique_ptr<Alarm> alarm(std::function<void()> callback) override;
    int64_t unix_time() override;
    void fetch(const Server& server, const Source& source, std::shared_ptr<const Zone> have,
               std::function<void(FetchResult)> callback) override;
    void look_up(const dns::Name& name, uint16_t type,
                 std::function<void(Result<dns::Answer>)> callback) override;
    void log(run::Severity severity, const std::string& text) override;

    /// Whether the server has this address: is it, or had it when it was asked last.
    bool is_address_of(const Server& server, const net::Ip& ip) const;

  private:
    using Addresses = std::vector<net::Ip>;
    using FetchCallback = std::function<void(FetchResult)>;
    struct Attempt;
    void next_address(std::shared_ptr<Attempt> attempt);
    void find_addresses(std::shared_ptr<Attempt> attempt, uint16_t type);

    run::Loop& loop_;
    std::unique_ptr<dns::Resolver> resolver_;
    std::optional<dns::TsigKey> key_;
    dns::TransferLimits limits_;  ///< of each question to a server
    std::random_device chance_;
    std::map<std::string, Addresses> addresses_;  ///< of servers that are given by name
    std::list<std::unique_ptr<ZoneFetch>> fetches_;
    run::Timer reap_;  ///< finished fetches go in a turn of their own
};

}  // namespace ipref::agent

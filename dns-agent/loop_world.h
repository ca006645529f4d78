// SPDX-License-Identifier: GPL-2.0-or-later
// The World on the libuv loop: real time, real chance, TCP, c-ares, the log.
#pragma once

#include <list>
#include <memory>
#include <random>

#include "dns-agent/transfer.h"
#include "dns-agent/world.h"

namespace ipref::agent {

class LoopWorld : public World {
  public:
    LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver);
    ~LoopWorld() override;

    Milliseconds now() override { return loop_.now(); }
    double chance() override;
    std::unique_ptr<Alarm> alarm(std::function<void()> callback) override;
    void transfer(const Server& server, const dns::Name& zone,
                  std::function<void(TransferResult)> callback) override;
    void look_up(const dns::Name& name, uint16_t type,
                 std::function<void(Result<dns::Answer>)> callback) override;
    void log(run::Severity severity, const std::string& text) override;

  private:
    using TransferCallback = std::function<void(TransferResult)>;
    void begin(const net::Endpoint& server, const dns::Name& zone, TransferCallback callback);
    void find_server(const dns::Name& host, uint16_t port, uint16_t type, const dns::Name& zone,
                     TransferCallback callback);

    run::Loop& loop_;
    std::unique_ptr<dns::Resolver> resolver_;
    std::random_device chance_;
    std::list<std::unique_ptr<Transfer>> transfers_;
    run::Timer reap_;  ///< finished transfers go in a turn of their own
};

}  // namespace ipref::agent

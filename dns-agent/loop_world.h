// SPDX-License-Identifier: GPL-2.0-or-later
// The World on the libuv loop: real time, real chance, UDP and TCP, c-ares, the log.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <random>

#include "dns-agent/local_zones.h"
#include "dns-agent/trust.h"
#include "dns-agent/world.h"

namespace ipref::agent {

struct WorldSettings {
    std::optional<dns::TsigKey> tsig;            ///< signs transfers
    bool tsig_queries = false;                   ///< and what is asked name by name
    std::vector<net::Endpoint> local_servers;    ///< that may give LOCAL away as a whole
    std::string names_path;                      ///< of a file; empty: names come from LOCAL
    std::optional<dns::TrustAnchors> anchors{};  ///< zones must be signed
    std::vector<net::Endpoint> resolvers{};      ///< that are asked for other zones' keys
    dns::TransferLimits limits;                  ///< of each question to a source's server
    Milliseconds grace{10'000};  ///< what a poll may take beyond limits.whole, to end by itself
    Milliseconds interval{std::chrono::hours(1)};  ///< between two polls, about
};

class LoopWorld : public World {
  public:
    LoopWorld(run::Loop& loop, std::unique_ptr<dns::Resolver> resolver, WorldSettings settings);
    ~LoopWorld() override;

    Milliseconds now() override { return loop_.now(); }
    double chance() override;
    std::unique_ptr<Alarm> alarm(std::function<void()> callback) override;
    int64_t unix_time() override;
    void fetch(const Server& server, const Source& source, const Known& known,
               std::function<void(FetchResult)> callback) override;
    void local_zone(const dns::Name& local,
                    std::function<void(Result<std::shared_ptr<const LocalZone>>)> take) override;
    void look_up(const dns::Name& name, uint16_t type,
                 std::function<void(Result<dns::Answer>)> callback) override;
    void log(run::Severity severity, const std::string& text) override;

    /// Whether the server has this address: is it, or had it when it was asked last.
    bool is_address_of(const Server& server, const net::Ip& ip) const;

  private:
    using Addresses = std::vector<net::Ip>;
    using FetchCallback = std::function<void(FetchResult)>;
    struct Attempt;
    void overdue(std::shared_ptr<Attempt> attempt);
    void next_address(std::shared_ptr<Attempt> attempt);
    void find_addresses(std::shared_ptr<Attempt> attempt, uint16_t type);
    void prepare(std::shared_ptr<Attempt> attempt);
    void find_names(std::shared_ptr<Attempt> attempt);
    void take_names(std::shared_ptr<Attempt> attempt, const LocalZones::Answer& local);
    void soon(std::function<void()> what);
    void take_turn();
    void begin(std::shared_ptr<Attempt> attempt);
    std::unique_ptr<Fetch> make_fetch(const Attempt& attempt, const net::Endpoint& at,
                                      FetchCallback callback);

    run::Loop& loop_;
    std::unique_ptr<dns::Resolver> resolver_;
    WorldSettings settings_;
    LocalZones local_zones_;
    Trust trust_;
    std::random_device chance_;
    std::map<std::string, Addresses> addresses_;  ///< of servers that are given by name
    std::map<dns::Name, std::string> refusals_;   ///< of LOCAL zones, as they were told
    std::list<std::unique_ptr<Fetch>> fetches_;
    std::vector<std::function<void()>> soon_;
    run::Timer turn_;  ///< finished fetches go, and soon_ is run, in a turn of their own
};

}  // namespace ipref::agent

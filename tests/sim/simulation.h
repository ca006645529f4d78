// SPDX-License-Identifier: GPL-2.0-or-later
// One run: a gateway, its clients, packets, a hosts file, a disk and a clock, from one seed. Each
// step is one of the things that could happen next, drawn by chance; after each the model judges.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gw/mapping/rcu.h"
#include "sim/client.h"
#include "sim/gateway.h"
#include "sim/model.h"
#include "sim/world.h"

namespace ipref::gw::sim {

class Simulation {
  public:
    explicit Simulation(uint64_t seed);
    ~Simulation();

    /// False: an invariant is broken, see judge().
    bool run(size_t steps);
    const Judge& judge() const { return judge_; }
    size_t steps() const { return step_; }

  private:
    using Step = void (Simulation::*)();
    struct Weighted {
        Step step;
        size_t weight;
    };

    void start();
    void stop(bool crash);
    void one_step();

    // What may happen. Each checks the model itself, with what it may change.
    void deliver();
    void act();
    void connect();
    void disconnect();
    void packet_in();
    void packet_out();
    void wake_up();
    void write();
    void end_write();
    void retry();
    void time_passes();
    void sweep();
    void edit_hosts_file();
    void disk_changes();
    void crash();
    void restart();
    void settle();

    bool deliver_from(uint64_t number);
    Cause cause_of(const Outgoing& out);
    void after_delivery(const Outgoing& out, bool confirmed);
    void hand_over(uint64_t number, const Outgoing& out);
    void load_hosts_file();
    void sweep_rows(size_t most);
    void pass(Seconds seconds);
    bool move_disk();
    Seconds confirmed_ago(const std::string& owner) const;
    SimClient& any_client();

    Judge judge_;
    Chance chance_;
    World world_;
    SimGateway::Options options_;
    std::vector<Weighted> weights_;
    size_t total_weight_ = 0;
    size_t step_ = 0;

    RcuReader reader_;
    Seconds wall_ = 1'700'000'000;
    SimDisk disk_;
    Ledger ledger_;
    Model model_;
    std::unique_ptr<Clock> clock_;
    std::unique_ptr<SimGateway> gateway_;
    std::map<uint64_t, std::unique_ptr<SimClient>> clients_;
    std::vector<StaticMapping> hosts_file_;
};

}  // namespace ipref::gw::sim

// SPDX-License-Identifier: GPL-2.0-or-later
// One life of a gateway's mapper: the real Table, Committer and Clients on a simulated disk, where
// the simulation decides when each waiting thing happens. And the ledger that outlives it: what
// the table has told its journal, applied by the book.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "gw/broker/clients.h"
#include "gw/mapping/committer.h"
#include "gw/mapping/table.h"
#include "sim/chance.h"
#include "sim/contents.h"
#include "sim/disk.h"
#include "sim/judge.h"

namespace ipref::gw::sim {

/// The journal's units, counted over all lives.
struct Ledger {
    Contents now;     ///< after all units
    Contents landed;  ///< after those that are on the disk
    uint64_t units = 0;
    uint64_t on_disk = 0;
    std::deque<std::vector<Change>> between;

    void record(const std::vector<Change>& unit);
    /// The first `upto` units are on the disk.
    void land(uint64_t upto);
    /// What is not on the disk has never been.
    void crash();
};

class SimGateway : public Journal, public Executor {
  public:
    struct Options {
        MappingConfig config;
        BrokerOptions broker;
        size_t most_pending = 200;
    };
    /// Restores the table. `clock` has wall time.
    SimGateway(const Options& options, Clock& clock, SimDisk& disk, Ledger& ledger, Judge& judge,
               Chance& chance);
    ~SimGateway() override;
    SimGateway(const SimGateway&) = delete;
    SimGateway& operator=(const SimGateway&) = delete;

    Table& table() { return table_; }
    Clients& clients() { return *clients_; }
    const std::string& problem() const { return committer_.problem(); }

    // What may happen next; each returns false if it is not its time.
    bool wake_up();
    bool write();
    bool end_write();
    bool retry();
    /// Stops as at SIGTERM: commits what is pending. Without it the life ends in a crash.
    void close();

    void record(std::vector<Change> changes) override;
    bool congested() const override { return committer_.congested(); }
    void wake() override { woken_ = true; }
    void retry_later() override { retry_ = true; }
    void start(std::function<void()> work) override;
    void wait() override;
    void report(const std::string& problem) override;

  private:
    void do_work();

    SimDisk& disk_;
    Ledger& ledger_;
    Judge& judge_;
    Table table_;
    Committer committer_;
    std::optional<Clients> clients_;
    bool woken_ = false;
    bool retry_ = false;
    std::function<void()> work_;
    bool working_ = false;  ///< between start() and ended()
    uint64_t upto_ = 0;     ///< units that the work puts on the disk
};

}  // namespace ipref::gw::sim

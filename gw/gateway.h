// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway put together: mapping table and its store, hosts file, data path, mapper socket,
// metrics. Everything but the workers lives on the loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "common/run/http.h"
#include "common/run/listen_fds.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "gw/broker/broker.h"
#include "gw/datapath/datapath.h"
#include "gw/happenings.h"
#include "gw/hosts/hosts.h"
#include "gw/mapping/config.h"
#include "gw/mapping/expiry.h"
#include "gw/mapping/store.h"
#include "gw/mapping/table.h"
#include "gw/options.h"

namespace ipref::gw {

/// What the mapper is to know of the options.
MappingConfig mapping_config(const Options& options);
/// What translation is to know of them.
Settings translation_settings(const Options& options);

class Gateway {
  public:
    /// Opens everything, in the order that leaves least behind when something fails, and starts
    /// the workers. What needs privileges comes first; then they are given up, unless -no-sandbox
    /// says otherwise. Errors name the thing and the remedy. `broken` is called on the loop's
    /// thread if the gateway cannot go on. `store` outlives it.
    static Result<std::unique_ptr<Gateway>> open(run::Loop& loop, const Options& options,
                                                 run::FdStore& store,
                                                 std::function<void(std::string)> broken);
    /// Stops the workers, closes the sockets, commits what the store has not stored yet.
    ~Gateway();
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// Reads the hosts file again, without waiting for it to change.
    void reload() { hosts_->load(); }

    /// One line for the log and systemd: "tun0 10.240.0.1/12 MTU 1460, ...".
    std::string summary() const;
    /// Which offloads the data path uses; empty without one.
    std::string offloads() const;
    /// What the data path has kept from the gateway before; empty if nothing was.
    std::string kept() const { return datapath_ == nullptr ? "" : datapath_->kept(); }
    /// Whether the workers have turned since the last call; true in devmode.
    bool all_alive();

  private:
    Gateway(run::Loop& loop, const Options& options, run::FdStore& store,
            std::function<void(std::string)> broken);
    Result<void> open_parts();
    Result<void> open_datapath();
    Result<void> open_metrics();
    BrokerSources broker_sources();
    void fill_status(proto::Status& status) const;
    void tick();

    // The order of destruction is that of their dependence: what reads goes before what is read.
    run::Loop& loop_;
    Options options_;
    run::FdStore& kept_;
    std::function<void(std::string)> broken_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::string broken_by_;  // written once by a worker before wake_ is sent
    run::Metrics metrics_;
    RequestMetrics requests_{metrics_};
    Clock clock_;
    Table table_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Heartbeat> heartbeat_;
    std::unique_ptr<HostsFileOwner> hosts_;
    run::Wake wake_;
    std::unique_ptr<Datapath> datapath_;
    std::unique_ptr<Happenings> happenings_;
    std::unique_ptr<Broker> broker_;
    std::unique_ptr<run::HttpServer> http_;
    run::Timer ticks_;
};

}  // namespace ipref::gw

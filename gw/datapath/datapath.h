// SPDX-License-Identifier: GPL-2.0-or-later
// The data path as main sees it: opens the TUN interface and the sockets, runs the workers'
// threads, adds up what they count.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/net/ip.h"
#include "common/result.h"
#include "common/run/listen_fds.h"
#include "gw/datapath/lookup.h"
#include "gw/datapath/peers.h"
#include "gw/datapath/translate/settings.h"
#include "gw/datapath/worker.h"

namespace ipref::gw {

struct DatapathOptions {
    Settings settings;
    std::vector<net::Ip> binds;          ///< at most one a family
    std::vector<net::Cidr> encode_nets;  ///< at least one, at most one a family
    uint16_t port = 1045;
    uint16_t remote_port = 1045;
    uint32_t interface_mtu = 0;  ///< 0: ask the kernel
    std::string tun;             ///< empty: the first free tunN
    unsigned threads = 1;
    uint32_t disabled_offloads = 0;  ///< bits by Offload
    size_t max_peers = 1024;
    size_t max_locals = 1024;
    bool trace = false;
};

class Datapath {
  public:
    /// Opens everything; nothing runs yet. Errors name the thing and the remedy. Queues and sockets
    /// in `store` are used as far as they fit, new ones are put there.
    static Result<std::unique_ptr<Datapath>> open(const DatapathOptions& options, Lookup& lookup,
                                                  run::FdStore& store);
    /// Stops the workers, if they run; the interface goes with the last descriptor of its queues.
    ~Datapath();

    /// `broken` is called at most once, by a worker's thread, with what ended it (the interface
    /// was removed).
    void start(std::function<void(std::string)> broken);
    void stop();

    const std::string& tun_name() const;
    /// What has been kept from the gateway before, for the log; empty if nothing was.
    std::string kept() const;
    uint32_t tun_mtu() const;
    unsigned threads() const;
    const Peers& peers() const;
    const Peers& locals() const;
    const Offloads& offloads() const;
    /// Datagrams lost because a tunnel socket's buffer was full.
    uint64_t socket_overflows() const;
    /// For each worker's counters.
    void each_worker(const std::function<void(const WorkerCounters&)>& visit) const;
    /// For each worker's tap: of the loop's thread.
    void each_tap(const std::function<void(Tap&)>& visit);
    /// Whether every worker has turned since the last call: for the watchdog. One caller.
    bool all_alive();

  private:
    class Impl;
    explicit Datapath(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::gw

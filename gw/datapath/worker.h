// SPDX-License-Identifier: GPL-2.0-or-later
// One worker of the data path: takes batches of packets from its edges, translates, and sends on.
// Shares the mapping table, the peers and the state of the offloads with the other workers,
// nothing else; never waits for one. What it counts, others may read.
#pragma once

#include "gw/datapath/inward.h"
#include "gw/datapath/outward.h"
#include "gw/datapath/worker_state.h"

namespace ipref::gw {

/// What may be read now. An edge that reports an error is ready.
struct Ready {
    bool tun = false;
    bool udp4 = false;
    bool udp6 = false;
    bool errors = false;  ///< the network has something to tell on a tunnel socket
    bool any() const { return tun || udp4 || udp6; }
};

class Worker {
  public:
    /// The edges outlive it; `udp4` or `udp6` is nullptr where that family has no tunnel.
    Worker(const WorkerShared& shared, TunEdge& tun, UdpEdge* udp4, UdpEdge* udp6)
        : state_(shared, tun, udp4, udp6), outward_(state_), inward_(state_) {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// One batch from each edge that is ready. Returns where more may wait.
    /// The thread is an online RcuReader if `shared.lookup` is the mapping table.
    Ready turn(Ready ready, Time now) {
        state_.set_now(now);
        if (ready.errors) state_.learn_mtus();
        ready.errors = false;
        if (ready.tun) ready.tun = outward_.turn();
        if (ready.udp4) ready.udp4 = inward_.turn(net::Family::v4);
        if (ready.udp6) ready.udp6 = inward_.turn(net::Family::v6);
        return ready;
    }
    /// Now and then: fragments that have waited too long are dropped. A worker that is never idle
    /// hears here what the network tells.
    void tick(Time now) {
        state_.learn_mtus();
        outward_.tick(now);
        inward_.tick(now);
    }

    const WorkerCounters& counters() const { return state_.counters; }
    Tap& tap() { return state_.tap; }

  private:
    WorkerState state_;
    Outward outward_;
    Inward inward_;
};

}  // namespace ipref::gw

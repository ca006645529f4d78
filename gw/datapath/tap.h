// SPDX-License-Identifier: GPL-2.0-or-later
// A worker's tap: what it drops and passes on, for whoever listens. While nobody does it costs a
// worker one look at a flag a batch. What it holds is bounded, and emptied some times a second:
// what comes faster is left out and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "common/net/ip.h"
#include "common/wire/cursor.h"
#include "gw/datapath/drop_reason.h"

namespace ipref::gw {

/// Where a packet was seen: an IP packet at the TUN, an IPREF packet at the tunnel's socket.
enum class TapPoint : uint8_t { tun, tunnel };

struct TapWants {
    bool drops = false;
    bool packets = false;  ///< those that pass
    uint32_t snap = 0;     ///< bytes of each packet to keep

    bool any() const { return drops || packets; }
};

struct TapEvent {
    uint64_t nanoseconds = 0;  ///< since 1970
    TapPoint point = TapPoint::tun;
    bool inward = false;  ///< out of the tunnel; else into it
    bool dropped = false;
    DropReason reason = DropReason::ip_truncated;  ///< if it was dropped
    int error = 0;                                 ///< errno that goes with the reason
    uint64_t count = 1;   ///< packets that it stands for: of a super-packet, the first is shown
    net::Endpoint peer;   ///< port 0: not known
    uint32_t length = 0;  ///< of the packet, of which `kept` bytes are there
    uint32_t kept = 0;
};

/// Events with their packets' bytes, one after another.
struct TapBatch {
    std::vector<TapEvent> events;
    std::vector<uint8_t> bytes;
    uint64_t missed = 0;  ///< events that found no room
};

class Tap {
  public:
    static constexpr size_t kMostEvents = 2048;
    static constexpr size_t kMostBytes = 1 << 20;

    // From the worker.

    bool wants_drops() const { return (wants_.load(std::memory_order_relaxed) & 1) != 0; }
    bool wants_packets() const { return (wants_.load(std::memory_order_relaxed) & 2) != 0; }
    /// Does not wait: an event is missed while the other thread empties the tap.
    void put(TapEvent event, wire::Bytes head, wire::Bytes rest);

    // From one other thread.

    /// Makes room first; gives it up when nothing is wanted any more.
    void listen(const TapWants& wants);
    TapBatch take();

  private:
    static TapBatch room();

    std::atomic<uint8_t> wants_ = 0;
    std::atomic<uint32_t> snap_ = 0;
    std::atomic<uint64_t> missed_ = 0;
    std::mutex mutex_;
    TapBatch batch_;
};

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/tap.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ipref::gw {

TapBatch Tap::room() {
    TapBatch batch;
    batch.events.reserve(kMostEvents);
    batch.bytes.reserve(kMostBytes);
    return batch;
}

void Tap::put(TapEvent event, wire::Bytes head, wire::Bytes rest) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    const size_t length = head.size() + rest.size();
    const size_t kept = std::min<size_t>(length, snap_.load(std::memory_order_relaxed));
    if (!lock || batch_.events.size() == batch_.events.capacity() ||
        kept > batch_.bytes.capacity() - batch_.bytes.size()) {
        missed_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    event.nanoseconds =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count());
    event.length = static_cast<uint32_t>(length);
    event.kept = static_cast<uint32_t>(kept);
    const auto first = head.first(std::min(kept, head.size()));
    const auto second = rest.first(kept - first.size());
    batch_.bytes.insert(batch_.bytes.end(), first.begin(), first.end());
    batch_.bytes.insert(batch_.bytes.end(), second.begin(), second.end());
    batch_.events.push_back(event);
}

void Tap::listen(const TapWants& wants) {
    {
        const std::lock_guard lock(mutex_);
        if (!wants.any()) batch_ = {};
        if (wants.any() && batch_.events.capacity() == 0) batch_ = room();
    }
    snap_.store(wants.snap, std::memory_order_relaxed);
    wants_.store(static_cast<uint8_t>((wants.drops ? 1 : 0) | (wants.packets ? 2 : 0)),
                 std::memory_order_relaxed);
}

TapBatch Tap::take() {
    TapBatch fresh = wants_.load(std::memory_order_relaxed) == 0 ? TapBatch{} : room();
    {
        const std::lock_guard lock(mutex_);
        if (batch_.events.empty()) {
            fresh = {};
        } else {
            std::swap(fresh, batch_);
        }
    }
    fresh.missed = missed_.exchange(0, std::memory_order_relaxed);
    return fresh;
}

}  // namespace ipref::gw

// SPDX-License-Identifier: GPL-2.0-or-later
// A value that is made whole and then swapped in: one thread sets it now and then, workers look at
// it on every query. Each worker keeps a hold of its own, so that a look costs one atomic load and
// no shared count.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "resolver/server/plugin.h"

namespace ipref::resolver {

template <typename T>
class Snapshot {
  public:
    explicit Snapshot(std::shared_ptr<const T> first) : value_(std::move(first)) {}

    /// Any thread.
    void set(std::shared_ptr<const T> value) {
        const std::lock_guard lock(mutex_);
        value_ = std::move(value);
        version_.fetch_add(1, std::memory_order_release);
    }
    std::shared_ptr<const T> get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }

    /// In start() and stop() of the handler.
    void join(const Worker& worker) { seen_.make(worker); }
    void leave(const Worker& worker) { seen_.drop(worker); }
    /// On the worker's thread, between them; valid until the next call.
    const T& at(const Worker& worker) {
        auto& seen = seen_[worker];
        const uint64_t version = version_.load(std::memory_order_acquire);
        if (seen.version != version) {
            seen.version = version;
            seen.value = get();
        }
        return *seen.value;
    }

  private:
    struct Seen {
        uint64_t version = 0;
        std::shared_ptr<const T> value;
    };
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
    std::atomic<uint64_t> version_{1};
    PerWorker<Seen> seen_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// A thread with a loop of its own, which does what it is told.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/run/loop.h"

namespace ipref::resolver {

class WorkerThread {
  public:
    /// Runs when this returns, with all signals blocked: they are the main thread's.
    explicit WorkerThread(const std::string& name);
    /// Ends the loop, and waits until what lived on it has been closed.
    ~WorkerThread();
    WorkerThread(const WorkerThread&) = delete;
    WorkerThread& operator=(const WorkerThread&) = delete;

    /// For what is made on the thread itself, in call().
    run::Loop& loop() { return *loop_; }
    /// Runs `what` on the thread and returns when it has; what it throws is thrown here. Not to be
    /// called from the thread itself.
    void call(const std::function<void()>& what);

  private:
    void live(std::promise<void>& ready);
    void run_calls();

    std::mutex mutex_;
    std::vector<std::packaged_task<void()>> calls_;  // guarded by mutex_
    run::Loop* loop_ = nullptr;                      // on the thread's stack
    run::Wake* wake_ = nullptr;
    std::thread thread_;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/worker_thread.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "common/run/log_gathering.h"

namespace ipref::resolver {

namespace {

/// A new thread takes over the mask of the one that makes it.
class NoSignals {
  public:
    NoSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace

WorkerThread::WorkerThread(const std::string& name) {
    std::promise<void> ready;
    {
        const NoSignals none;
        thread_ = std::thread([this, &ready] { live(ready); });
    }
    pthread_setname_np(thread_.native_handle(), name.c_str());
    ready.get_future().get();
}

WorkerThread::~WorkerThread() {
    call([this] { loop_->stop(); });
    thread_.join();
}

void WorkerThread::live(std::promise<void>& ready) {
    run::Loop loop;
    run::Wake wake(loop, [this] { run_calls(); });
    const run::LogGathering lines(loop);
    loop_ = &loop;
    wake_ = &wake;
    ready.set_value();
    loop.run();
}

void WorkerThread::call(const std::function<void()>& what) {
    std::packaged_task<void()> task(what);
    auto done = task.get_future();
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back(std::move(task));
        wake_->send();
    }
    done.get();
}

void WorkerThread::run_calls() {
    std::vector<std::packaged_task<void()>> calls;
    {
        const std::lock_guard lock(mutex_);
        calls.swap(calls_);
    }
    for (auto& task : calls) task();
}

}  // namespace ipref::resolver

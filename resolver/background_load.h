// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a configuration on libuv's thread pool: zone files, host names of upstreams and whatever
// else takes time there keeps no query waiting. For reloads; the loop's thread.
#pragma once

#include <functional>
#include <memory>

#include "common/run/loop.h"
#include "resolver/server/config.h"

namespace ipref::resolver {

class BackgroundLoad {
  public:
    using Loaded = Result<std::shared_ptr<Config>>;
    /// `load` is called on another thread, never twice at a time, and must outlive the loop;
    /// `done` on the loop.
    BackgroundLoad(run::Loop& loop, std::function<Loaded()> load, std::function<void(Loaded)> done);
    /// What is being read is thrown away when it is there.
    ~BackgroundLoad();
    BackgroundLoad(const BackgroundLoad&) = delete;
    BackgroundLoad& operator=(const BackgroundLoad&) = delete;

    /// While one is under way: another follows it, because the files may have changed since. What
    /// was read is taken all the same, so that no series of changes keeps all of them from it.
    void start();

  private:
    struct Job;
    void ended(Loaded loaded);

    run::Loop& loop_;
    std::function<Loaded()> load_;
    std::function<void(Loaded)> done_;
    Job* job_ = nullptr;  // under way; owns itself until then
    bool again_ = false;
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// A TLS context that follows its files: when one of them changes a new context is made; if that
// fails the old one stays, with a warning that says why.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/run/file_watcher.h"
#include "common/tls/context.h"

namespace ipref::tls {

class LiveContext {
  public:
    using Make = std::function<Result<Context>()>;
    /// `make` reads `files` and is called once here; its error is this function's.
    static Result<std::shared_ptr<LiveContext>> open(std::vector<std::string> files, Make make);

    /// From any thread; sessions that were made before keep what they have.
    Context current() const;
    /// Follows the files until stop(), on the loop's thread.
    void watch(run::Loop& loop);
    void stop();

  private:
    LiveContext(std::vector<std::string> files, Make make, Context context);
    void changed();

    std::vector<std::string> files_;
    Make make_;
    mutable std::mutex mutex_;
    Context context_;  // under mutex_
    std::vector<std::unique_ptr<run::FileWatcher>> watchers_;
};

}  // namespace ipref::tls

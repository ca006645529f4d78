// SPDX-License-Identifier: GPL-2.0-or-later
// Sees that the Corefile, or a file that it imports, has changed: looks every interval, and at
// once when the system tells of a change. What it counts is named as CoreDNS names it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/run/file_watcher.h"
#include "common/run/loop.h"
#include "common/run/metrics.h"
#include "resolver/server/process.h"

namespace ipref::resolver {

class Reloader {
  public:
    /// `look` is called when it is time to compare the files with what is in use.
    Reloader(run::Loop& loop, run::Metrics& metrics, std::function<void()> look);

    /// A configuration is in use: `files` are what it was read from, `text` all of them together.
    void in_use(const std::optional<ReloadSettings>& settings,
                const std::vector<std::string>& files, const std::string& text);
    /// A configuration could not be taken; the one before stays in use.
    void failed();

  private:
    void plan();

    run::Loop& loop_;
    run::Metrics& metrics_;
    std::function<void()> look_;
    std::optional<ReloadSettings> settings_;
    std::vector<std::unique_ptr<run::FileWatcher>> watchers_;
    run::Timer timer_;
};

/// SHA-512 in hex, as CoreDNS shows the version of a configuration.
std::string sha512_hex(std::string_view text);

}  // namespace ipref::resolver

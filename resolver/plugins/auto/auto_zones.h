// SPDX-License-Identifier: GPL-2.0-or-later
// Zone files of a directory, found by their names: which zones there are follows the directory.
#pragma once

#include <re2/re2.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "resolver/plugins/file/zone_file.h"

namespace ipref::resolver {

struct AutoSettings {
    std::vector<Name> zones;  ///< only origins under one of these are taken
    std::string directory;
    std::shared_ptr<const RE2> pattern;
    std::string origin = "{1}";  ///< template: {1} is the pattern's first group
    Nanoseconds reload = std::chrono::minutes(1);
};

/// The origin that a file's name stands for; nothing if it is no zone file, or of another zone.
std::optional<Name> origin_of(const AutoSettings& settings, const std::string& file_name);

/// The zones as they are at one time; not changed, only replaced.
class ZoneSet {
  public:
    void add(std::shared_ptr<ZoneFile> file);
    /// The zone of the longest origin that the name (lower case) is under; null if there is none.
    ZoneFile* find(const Name& lower) const;
    const std::map<std::string, std::shared_ptr<ZoneFile>>& files() const { return files_; }

  private:
    std::map<std::string, std::shared_ptr<ZoneFile>> files_;  // by origin
    size_t most_labels_ = 0;
};

class AutoZones : public std::enable_shared_from_this<AutoZones> {
  public:
    explicit AutoZones(AutoSettings settings) : settings_(std::move(settings)) {}
    const AutoSettings& settings() const { return settings_; }

    /// Reads the directory and all its zone files, at start. Files that are bad are warnings.
    void load(std::vector<std::string>& warnings);
    /// Any thread.
    std::shared_ptr<const ZoneSet> zones() const;
    uint64_t version() const { return version_.load(std::memory_order_acquire); }

    /// Looks at the directory every `reload` from now on, on libuv's thread pool.
    void watch(run::Loop& loop, std::function<void(const Zone&)> changed);
    void unwatch();

  private:
    struct Job;
    std::shared_ptr<const ZoneSet> scan(const ZoneSet& before,
                                        std::vector<std::string>& warnings) const;
    void look();
    void took(std::shared_ptr<const ZoneSet> found, const std::vector<std::string>& warnings);

    AutoSettings settings_;
    mutable std::mutex mutex_;
    std::shared_ptr<const ZoneSet> zones_ = std::make_shared<ZoneSet>();
    std::atomic<uint64_t> version_{1};
    run::Loop* loop_ = nullptr;
    std::unique_ptr<run::Timer> timer_;
    std::function<void(const Zone&)> changed_;
    bool busy_ = false;
    std::set<std::string> told_;  // what is wrong with the directory, and has been logged
};

}  // namespace ipref::resolver

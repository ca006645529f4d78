// SPDX-License-Identifier: GPL-2.0-or-later
// A signed zone file on disk: made of a zone file and keys when it is missing, when the zone file
// is newer, and long before its signatures run out.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/run/file_watcher.h"
#include "common/run/loop.h"
#include "resolver/plugins/sign/zone_signer.h"

namespace ipref::resolver {

/// Signatures begin 3 hours and up to 18 hours more before now, and end 32 to 37 days after it.
Validity new_validity(uint32_t now);
/// Signed more than 6 days (and the up to 21 hours of above) ago, or less than 14 days are left.
bool is_due(const Validity& validity, uint32_t now);

/// One zone; its job of signing runs on libuv's thread pool, one at a time.
class SignedFile : public std::enable_shared_from_this<SignedFile> {
  public:
    SignedFile(const Name& origin, std::string from, const std::string& directory,
               std::vector<SigningKey> keys);

    /// DIRECTORY/db.NAME.signed
    const std::string& path() const { return path_; }

    /// Looks now, every 5 hours, when the zone file changes, and a minute after a failure.
    void start(run::Loop& loop);
    void stop();

    /// Signs if it is time to; true if it was. Any thread, one at a time. `now`: seconds since
    /// 1970.
    Result<bool> bring_up_to_date(uint32_t now) const;

  private:
    struct Job;
    /// Whether to sign, and the serial of the file as it is (0: none).
    struct Need {
        bool sign = true;
        uint32_t serial = 0;
    };
    Need need(uint32_t now) const;
    Result<void> write(const std::string& text) const;
    void look();
    void took(const Result<bool>& result);

    Name origin_;
    std::string from_;
    std::string directory_;
    std::string path_;
    std::vector<SigningKey> keys_;
    run::Loop* loop_ = nullptr;
    std::unique_ptr<run::Timer> timer_;
    std::unique_ptr<run::FileWatcher> watcher_;
    bool busy_ = false;
    bool again_ = false;  // the zone file has changed while it was signed
};

}  // namespace ipref::resolver

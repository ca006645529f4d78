// SPDX-License-Identifier: GPL-2.0-or-later
// What asking a server for what it publishes comes to, by a transfer (dns-agent/zone_fetch.h) or
// by queries (dns-agent/query_fetch.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "common/dns/answer_stream.h"
#include "common/run/loop.h"
#include "dns-agent/zone.h"

namespace ipref::agent {

using dns::TransferError;

/// How a server was asked and what came of it.
struct Fetched {
    enum class How : uint8_t { unchanged, differences, whole, queries };
    std::shared_ptr<const Zone> zone;  ///< unchanged: what was known before
    How how = How::whole;
    std::string note;  ///< what did not go as it should; for the log, mostly empty
    /// When the server is to be asked again at the latest; nothing: at the next poll.
    std::optional<run::Milliseconds> again;
    /// Where signatures were asked for: until when all of them are valid, seconds since 1970.
    std::optional<int64_t> signed_until = std::nullopt;
    size_t unanswered = 0;  ///< names without an answer that counts; `note` has the first
};
const char* name_of(Fetched::How how);
using FetchResult = tl::expected<Fetched, TransferError>;

/// One that is under way.
class Fetch {
  public:
    /// Called once, from the loop, not from the constructor. Inside it the fetch must not be
    /// destroyed; destroyed before, it never calls.
    using Callback = std::function<void(FetchResult)>;

    virtual ~Fetch() = default;
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;

    bool finished() const { return finished_; }

  protected:
    explicit Fetch(Callback callback) : callback_(std::move(callback)) {}
    void finish(FetchResult result) {
        finished_ = true;
        callback_(std::move(result));
    }

  private:
    Callback callback_;
    bool finished_ = false;
};

}  // namespace ipref::agent

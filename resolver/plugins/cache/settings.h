// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin cache's options. Source: spec page "ipref-coredns", 2.2 (cache).
#pragma once

#include <array>
#include <chrono>
#include <vector>

#include "resolver/plugins/cache/table.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver::cache {

struct KindSettings {
    uint32_t entries = 9984;
    uint32_t ttl_most = 3600;  ///< seconds
    uint32_t ttl_least = 5;
    std::vector<Name> disabled;  ///< nothing is kept of names under these
};

struct Settings {
    std::vector<Name> zones;
    std::array<KindSettings, kKinds> kinds;
    uint64_t memory = 0;  ///< bytes for both kinds; 0: a kilobyte an entry

    uint32_t prefetch_hits = 0;  ///< 0: no prefetch
    std::chrono::nanoseconds prefetch_gap = std::chrono::minutes(1);
    uint32_t prefetch_percent = 10;

    std::chrono::nanoseconds stale_for{0};  ///< 0: stale answers are not served
    bool verify = false;                    ///< only when those behind have no answer
    bool prefer_positive = false;           ///< a denial counts as no answer
    // RFC 8767 section 5
    run::Milliseconds patience{1'800};  ///< for a fresh answer, with `verify`
    uint32_t stale_ttl = 30;            ///< of a stale answer, in seconds
    std::chrono::nanoseconds recheck = std::chrono::seconds(30);  ///< after a fetch that failed

    std::chrono::nanoseconds servfail = std::chrono::seconds(5);
    bool keep_ttl = false;

    KindSettings& of(Kind kind) { return kinds[static_cast<size_t>(kind)]; }
    const KindSettings& of(Kind kind) const { return kinds[static_cast<size_t>(kind)]; }
    std::array<Limits, kKinds> limits() const;
};

/// All of the directive's uses in a block (there may be one).
Result<Settings> parse_settings(Setup& setup);

/// "16M", "512K", "1G", or bytes.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace ipref::resolver::cache

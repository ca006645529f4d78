// SPDX-License-Identifier: GPL-2.0-or-later
// A zone that cannot be transferred, SERVER/query: the TXT records of names that are known from
// elsewhere, asked one by one, a bounded number at a time. The zone's serial comes first; while it
// stays, what was answered or denied is not asked again before its TTL is over.
//
// A name without an answer keeps the answer of before. Where there is none, the whole fails, since
// a set without a host would withdraw it; the next try asks for nothing but what is missing.
//
// With trust anchors (-dnssec) an answer counts only if it is proven, one that denies as well: one
// that is not is as good as none. The serial as well: a forged one would put off a change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/dns/dnssec.h"
#include "dns-agent/asker.h"
#include "dns-agent/fetch.h"
#include "dns-agent/query_cache.h"

namespace ipref::agent {

class QueryFetch : public Fetch {
  public:
    static constexpr size_t kAtATime = 50;
    static constexpr size_t kMostBytes = 64u << 20;  ///< of TXT data that is kept

    struct Target {
        net::Endpoint server;
        dns::Name zone;
        std::vector<dns::Name> names;  ///< below the zone's
        std::shared_ptr<const Zone> have;
        std::shared_ptr<QueryCache> cache;  ///< of this server and zone
        /// No answer is kept for longer, whatever its TTL, nor one that denies.
        run::Milliseconds longest{3'600'000};
        run::Milliseconds timeout{2'000};   ///< of one try
        run::Milliseconds whole{600'000};   ///< no question is begun after this
        const dns::TsigKey* key = nullptr;  ///< signs questions; outlives the fetch
        /// For the zone's keys; the zone must be signed then.
        std::shared_ptr<const dns::TrustAnchors> anchors;
    };

    QueryFetch(run::Loop& loop, Target target, Callback callback);

    /// How long an answer is kept at least. Many names are asked for less often, so that a server
    /// gets at most 100 questions a second on average.
    static run::Milliseconds shortest(size_t names);

  private:
    static constexpr size_t kMostFailures = 20;  ///< then the server is given up

    void add_wildcards();
    void ask_serial();
    std::optional<std::string> unproven(dns::Bytes message) const;
    void serial(const Asker::Outcome& outcome);
    void find_keys();
    void keys(const Asker::Outcome& outcome);
    void begin();
    void more();
    void answered(size_t index, const Asker::Outcome& outcome);
    void take(const dns::Name& name, dns::Bytes message);
    void take_signed(const dns::Name& name, dns::Bytes message);
    void keep(const dns::Name& name, const std::vector<dns::Record>& records,
              QueryCache::Known known, uint32_t ttl);
    void failed(const dns::Name& name, const std::string& why);
    void end();
    bool build(ZoneBuilder& builder);
    std::string led_out(const dns::Name& name) const;
    bool is_of_wildcard(const dns::Name& name, const QueryCache::Known& known) const;
    void fail_with(std::string text);
    void no_such_zone(std::string text);

    run::Loop& loop_;
    Target target_;
    Asker asker_;
    run::Timer ready_;  ///< ends in a turn of its own
    run::Milliseconds begun_;
    run::Milliseconds shortest_;
    const int64_t now_;  ///< seconds since 1970
    uint32_t serial_ = 0;
    std::optional<dns::ZoneKeys> keys_;
    std::vector<dns::Name> due_;
    size_t next_ = 0;
    size_t open_ = 0;
    size_t bytes_ = 0;
    size_t failures_ = 0;
    bool unknown_ = false;  ///< one of them has no answer of before
    std::string first_failure_;
};

}  // namespace ipref::agent

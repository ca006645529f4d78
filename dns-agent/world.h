// SPDX-License-Identifier: GPL-2.0-or-later
// What the agent asks of the outside: time, chance, zone transfers, look-ups, the mapper, the log.
// Production implements it on the loop (dns-agent/loop_world.h), tests with a clock of their own.
// Callbacks are called later, from the loop, never from within the call that takes them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/dns/resolver.h"
#include "common/mapper/types.h"
#include "common/run/log.h"
#include "common/run/loop.h"
#include "dns-agent/fetch.h"
#include "dns-agent/local_zone.h"
#include "dns-agent/query_cache.h"
#include "dns-agent/source.h"

namespace ipref::agent {

using run::Milliseconds;

/// Calls back once after a time. Gone, it does not.
class Alarm {
  public:
    virtual ~Alarm() = default;
    virtual void start(Milliseconds after) = 0;
    virtual void stop() = 0;
    virtual bool active() const = 0;
};

/// What a server is known to publish, so that it need not be asked for all again.
struct Known {
    std::shared_ptr<const Zone> zone;     ///< what it gave last, or nullptr
    std::shared_ptr<QueryCache> answers;  ///< of single names; of this server and zone alone
    std::optional<int64_t> signed_until;  ///< as in Fetched
};

class World {
  public:
    virtual ~World() = default;
    virtual Milliseconds now() = 0;  ///< monotonic
    virtual double chance() = 0;     ///< at least 0, below 1
    virtual std::unique_ptr<Alarm> alarm(std::function<void()> callback) = 0;
    virtual int64_t unix_time() = 0;  ///< seconds since 1970, for metrics
    /// What the server publishes in the source's zone.
    virtual void fetch(const Server& server, const Source& source, const Known& known,
                       std::function<void(FetchResult)> callback) = 0;
    /// The source's zone LOCAL, from a server that gives it away as a whole.
    virtual void local_zone(const dns::Name& local,
                            std::function<void(Result<std::shared_ptr<const LocalZone>>)> take) = 0;
    virtual void look_up(const dns::Name& name, uint16_t type,
                         std::function<void(Result<dns::Answer>)> callback) = 0;
    virtual void log(run::Severity severity, const std::string& text) = 0;
};

/// Where host data goes. A failing request may call back from within the call.
class Mapper {
  public:
    using Callback = std::function<void(mapper::DoneOrFailure)>;
    virtual ~Mapper() = default;
    virtual bool connected() const = 0;
    virtual void publish(std::shared_ptr<const wire::HostSet> set, Callback callback) = 0;
    virtual void publish_change(std::shared_ptr<const wire::HostSet> set, mapper::Change change,
                                Callback callback) = 0;
    virtual void confirm(const mapper::Source& source, uint64_t hash, uint32_t count,
                         Callback callback) = 0;
    virtual void withdraw(const mapper::Source& source, Callback callback) = 0;
    /// For `ipref-gw status`. False: it cannot be told now.
    virtual bool report(const mapper::SourceReport& report) = 0;
};

/// 5 s, doubling, up to a longest time.
class Backoff {
  public:
    explicit Backoff(Milliseconds longest) : longest_(longest) {}
    Milliseconds next() {
        const auto now = std::min(next_, longest_);
        next_ = std::min(next_ * 2, longest_);
        return now;
    }
    void reset() { next_ = kFirst; }

  private:
    static constexpr Milliseconds kFirst{5000};
    Milliseconds longest_;
    Milliseconds next_ = kFirst;
};

}  // namespace ipref::agent

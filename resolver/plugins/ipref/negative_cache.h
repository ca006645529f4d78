// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref's look-ups that found nothing, or failed, so that the same question does not go to
// the upstreams again and again. What is denied holds as long as its SOA says (RFC 2308 section
// 5); a failure for a second, and longer if it fails again (RFC 9520 section 3.2). Both are bounded
// in number, each by itself, the oldest go first: a flood of names takes no more memory than that,
// and takes nothing away from what was found. It belongs to one Asker, so that upstreams and
// options are the same for all of it, and goes with it at a reload.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <utility>

#include "common/dns/answer.h"
#include "common/run/loop.h"

namespace ipref::resolver::aa {

struct NegativeOptions {
    std::chrono::seconds longest{3'600};  ///< of what is denied, whatever its SOA says
    std::chrono::seconds failure{1};      ///< doubled with each failure in a row
    std::chrono::seconds failure_most{4};
    std::chrono::seconds row{60};  ///< a failure so long after the last one begins anew
    size_t most_denials = 8'192;   ///< about 400 bytes each
    size_t most_failures = 1'024;
};

/// Not thread-safe.
class NegativeCache {
  public:
    using Outcome = Result<dns::Answer>;

    explicit NegativeCache(NegativeOptions options) : options_(options) {}

    /// An earlier outcome that still holds. An answer has rcode, AD and how long it holds yet.
    std::optional<Outcome> find(const dns::Name& name, uint16_t type, run::Milliseconds now);
    /// What an upstream said. Nothing is kept of an answer with records, nor of a denial without
    /// SOA; a failure before that is forgotten.
    void keep(const dns::Name& name, uint16_t type, const Outcome& outcome, run::Milliseconds now);

    size_t denials() const { return denials_.by_key.size(); }
    size_t failures() const { return failures_.by_key.size(); }

  private:
    using Key = std::pair<dns::Name, uint16_t>;
    struct Entry {
        Outcome outcome;
        run::Milliseconds until{0};
        unsigned in_row = 0;  // failures before this one
        std::list<const Key*>::iterator place;
    };
    struct Part {
        // Ordered: keys come from the network, and must not be able to pile up in one bucket.
        std::map<Key, Entry> by_key;
        std::list<const Key*> oldest_first;

        Entry& put(const Key& key, size_t most);
        void erase(const Key& key);
    };

    void keep_failure(const Key& key, const Outcome& outcome, run::Milliseconds now);

    NegativeOptions options_;
    Part denials_;
    Part failures_;
};

}  // namespace ipref::resolver::aa

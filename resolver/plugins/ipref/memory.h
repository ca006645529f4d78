// SPDX-License-Identifier: GPL-2.0-or-later
// Plugin ipref's answers that hold for some time yet, so that neither upstream nor mapper has to be
// asked again. Bounded in bytes; the oldest go first. Whether the mappings in an answer are still
// held is for the one who asks to know, and to note down here.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/net/ref.h"
#include "common/run/loop.h"
#include "resolver/plugins/ipref/outcome.h"

namespace ipref::resolver::aa {

/// Not thread-safe.
class Memory {
  public:
    struct Known {
        Outcome outcome;  ///< TTLs as they were at `since`
        std::vector<std::pair<net::IpRef, net::Ip>> mappings;
        run::Milliseconds since{0};
        std::chrono::seconds lasts{0};  ///< from `since` on: the least of its TTLs
        /// All its mappings are held until then, as of the encoder's generation.
        run::Milliseconds held_until{0};
        uint64_t generation = 0;
    };

    explicit Memory(size_t most_bytes = 16 << 20) : most_bytes_(most_bytes) {}

    /// What is known now; valid until the next call. `lower`: the name in lower case.
    Known* find(const dns::Name& lower, uint16_t type, run::Milliseconds now);
    /// Not at all if it lasts for 0 seconds.
    void keep(const dns::Name& lower, uint16_t type, Known known);
    void forget(const dns::Name& lower, uint16_t type);

    size_t size() const { return by_key_.size(); }
    size_t bytes() const { return bytes_; }

  private:
    struct Entry {
        std::string key;
        Known known;
        size_t bytes;
    };
    using Entries = std::list<Entry>;

    void erase(Entries::iterator entry);

    size_t most_bytes_;
    size_t bytes_ = 0;
    Entries entries_;  // the oldest in front
    // Ordered: keys come from the network, and must not be able to pile up in one bucket.
    std::map<std::string_view, Entries::iterator> by_key_;  // views of the entries' keys
};

}  // namespace ipref::resolver::aa

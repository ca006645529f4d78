// SPDX-License-Identifier: GPL-2.0-or-later
// First fragments of ICMPv6 messages that wait for the last one. The ICMPv6 checksum covers the
// length of the whole message (RFC 8200 section 8.1), which only the last fragment tells.
// Bounded: kWaitingFragments entries, the oldest gives way; each lives 60 seconds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/net/ip.h"
#include "gw/datapath/drop_reason.h"
#include "gw/datapath/translate/plan.h"

namespace ipref::gw {

using Time = std::chrono::steady_clock::time_point;

inline constexpr size_t kWaitingFragments = 64;
inline constexpr std::chrono::seconds kFragmentWait{60};

/// Owned by one worker, one for each direction. Fragments that give up are counted as
/// fragment_timeout and fragment_evicted in `drops`, which outlives this.
class WaitingFragments {
  public:
    struct Key {
        net::Ip source;
        net::Ip destination;
        uint32_t id = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };

    explicit WaitingFragments(DropCounters& drops) : drops_(drops) {}

    /// Length of the whole message, if its last fragment has been seen. Forgets it.
    std::optional<uint16_t> take_length(const Key& key, Time now);
    /// Keeps a translated first fragment whose checksum `plan.patch` lacks the message's length.
    void hold(const Key& key, const Plan& plan, Bytes segment, Time now);
    /// The last fragment says how long the message is: the first one, if it waits, now complete
    /// but for the change of its checksum by `length` (added if `add_length`, else subtracted).
    std::optional<Released> last_seen(const Key& key, uint16_t length, bool add_length, Time now);
    /// Drops what has waited too long; call now and then so that counters are timely.
    void expire(Time now);
    /// First fragments that wait.
    size_t waiting() const;

  private:
    enum class State : uint8_t { free, first_waits, last_seen };
    struct Entry {
        State state = State::free;
        Key key;
        Time since;
        uint16_t length = 0;
        bool df = false;
        size_t header_size = 0;
        ChecksumPatch patch;
        std::vector<uint8_t> packet;
    };

    Entry* find(const Key& key);
    Entry& make(const Key& key, State state, Time now);

    DropCounters& drops_;
    std::array<Entry, kWaitingFragments> entries_;
};

}  // namespace ipref::gw

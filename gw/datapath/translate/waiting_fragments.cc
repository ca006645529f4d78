// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/translate/waiting_fragments.h"

#include <algorithm>

namespace ipref::gw {

std::optional<uint16_t> WaitingFragments::take_length(const Key& key, Time now) {
    expire(now);
    Entry* entry = find(key);
    if (entry == nullptr || entry->state != State::last_seen) return std::nullopt;
    entry->state = State::free;
    return entry->length;
}

void WaitingFragments::hold(const Key& key, const Plan& plan, Bytes segment, Time now) {
    Entry& entry = make(key, State::first_waits, now);
    entry.df = plan.df;
    entry.header_size = plan.header_size;
    entry.patch = plan.patch;
    const auto header = plan.header();
    entry.packet.assign(header.begin(), header.end());
    entry.packet.insert(entry.packet.end(), segment.begin(), segment.end());
}

std::optional<Released> WaitingFragments::last_seen(const Key& key, uint16_t length,
                                                    bool add_length, Time now) {
    expire(now);
    Entry* entry = find(key);
    if (entry == nullptr || entry->state != State::first_waits) {
        make(key, State::last_seen, now).length = length;
        return std::nullopt;
    }
    const auto number = net::Checksum().add_number(length);
    if (add_length) {
        entry->patch.change.add(number);
    } else {
        entry->patch.change.subtract(number);
    }
    patch_checksum(entry->patch, std::span(entry->packet).subspan(entry->header_size));
    entry->state = State::free;
    return Released{entry->packet, entry->df};
}

void WaitingFragments::expire(Time now) {
    for (auto& entry : entries_) {
        if (entry.state == State::free || now - entry.since < kFragmentWait) continue;
        if (entry.state == State::first_waits) drops_.count(DropReason::fragment_timeout);
        entry.state = State::free;
    }
}

size_t WaitingFragments::waiting() const {
    return static_cast<size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [](const Entry& entry) { return entry.state == State::first_waits; }));
}

WaitingFragments::Entry* WaitingFragments::find(const Key& key) {
    for (auto& entry : entries_) {
        if (entry.state != State::free && entry.key == key) return &entry;
    }
    return nullptr;
}

/// The entry of this key, a free one, or the oldest.
WaitingFragments::Entry& WaitingFragments::make(const Key& key, State state, Time now) {
    Entry* entry = find(key);
    if (entry == nullptr) {
        entry =
            &*std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
                if ((a.state == State::free) != (b.state == State::free))
                    return a.state == State::free;
                return a.since < b.since;
            });
        if (entry->state == State::first_waits) drops_.count(DropReason::fragment_evicted);
    }
    entry->state = state;
    entry->key = key;
    entry->since = now;
    return *entry;
}

}  // namespace ipref::gw

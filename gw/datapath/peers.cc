// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/peers.h"

#include <algorithm>

namespace ipref::gw {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// Path MTU and when it ends, read and written as one.
constexpr uint64_t packed(uint32_t mtu, PeerSeconds end) {
    return static_cast<uint64_t>(mtu) << 32 | end;
}

}  // namespace

Peers::Peers(size_t most) : slots_(std::max<size_t>(most, 1)) {}

void Peers::touch(Slot& slot, PeerSeconds now) {
    // A shared cache line is only written when the second has changed.
    if (slot.used.load(kRelaxed) != now) slot.used.store(now, kRelaxed);
}

uint32_t Peers::fresh_mtu(const Slot& slot, PeerSeconds now) {
    const uint64_t value = slot.mtu.load(kRelaxed);
    return now < static_cast<uint32_t>(value) ? static_cast<uint32_t>(value >> 32) : 0;
}

Peers::Found Peers::find(PeerCache& cache, const net::Ip& ip, PeerSeconds now, bool make) {
    auto& entry = cache.entries_[std::hash<net::Ip>()(ip) % cache.entries_.size()];
    if (entry.slot != nullptr && entry.ip == ip &&
        entry.slot->generation.load(std::memory_order_acquire) == entry.generation) {
        return {entry.slot, entry.generation};
    }
    const auto found = find_slowly(ip, now, make);
    if (found.slot != nullptr) entry = {ip, found.slot, found.generation};
    return found;
}

Peers::Found Peers::find_slowly(const net::Ip& ip, PeerSeconds now, bool make) {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_ip_.find(ip); known != by_ip_.end()) {
        auto& slot = slots_[known->second];
        return {&slot, slot.generation.load(kRelaxed)};
    }
    if (!make) return {};
    const auto free = take_slot(now);
    if (!free) return untracked_.fetch_add(1, kRelaxed), Found{};
    const size_t index = *free;
    auto& slot = slots_[index];
    slot.ip = ip;
    slot.taken = true;
    slot.used.store(now, kRelaxed);
    slot.listed_as = now;
    by_ip_.emplace(ip, index);
    order_.push_back(index);
    return {&slot, slot.generation.load(kRelaxed)};
}

std::optional<size_t> Peers::take_slot(PeerSeconds now) {
    if (unused_ < slots_.size()) return unused_++;
    // Those used since they were listed go to the end first. Each move answers for a use, so that
    // the work over time is bounded by the packets that came.
    for (;;) {
        const size_t index = order_.front();
        auto& slot = slots_[index];
        const uint32_t used = slot.used.load(kRelaxed);
        if (used != slot.listed_as) {
            slot.listed_as = used;
            order_.splice(order_.end(), order_, order_.begin());
            continue;
        }
        if (now < used + kPeerLive) return std::nullopt;
        order_.pop_front();
        by_ip_.erase(slot.ip);
        clear(slot);
        evicted_.fetch_add(1, kRelaxed);
        return index;
    }
}

void Peers::clear(Slot& slot) {
    // A seqlock's writer: the fields change between two steps of the generation, so that a reader
    // that saw one of them sees the generation changed when it looks again.
    slot.generation.fetch_add(1, std::memory_order_acq_rel);
    slot.port.store(0, std::memory_order_release);
    slot.mtu.store(0, std::memory_order_release);
    slot.port_heard.store(0, std::memory_order_release);
    slot.previous_port.store(0, std::memory_order_release);
    for (auto* counter : {&slot.received_packets, &slot.received_bytes, &slot.sent_packets,
                          &slot.sent_bytes, &slot.port_changes}) {
        counter->store(0, std::memory_order_release);
    }
    slot.last_received.store(0, std::memory_order_release);
    slot.generation.fetch_add(1, std::memory_order_release);
}

PeerPath Peers::sending(PeerCache& cache, const net::Ip& ip, size_t bytes, PeerSeconds now,
                        size_t packets) {
    for (;;) {
        const auto [slot, generation] = find(cache, ip, now, true);
        PeerPath path;
        if (slot == nullptr) return path;
        path.port = static_cast<uint16_t>(slot->port.load(std::memory_order_acquire));
        const uint64_t mtu = slot->mtu.load(std::memory_order_acquire);
        path.mtu = now < static_cast<uint32_t>(mtu) ? static_cast<uint32_t>(mtu >> 32) : 0;
        // Was it this peer's all along? If not, this one is looked up anew.
        if (slot->generation.load(kRelaxed) != generation) continue;
        touch(*slot, now);
        if (bytes != 0) {
            slot->sent_packets.fetch_add(packets, kRelaxed);
            slot->sent_bytes.fetch_add(bytes, kRelaxed);
        }
        return path;
    }
}

bool Peers::received(PeerCache& cache, const net::Ip& ip, uint16_t port, size_t bytes,
                     PeerSeconds now, size_t packets) {
    auto [slot, generation] = find(cache, ip, now, true);
    if (slot == nullptr) return false;
    touch(*slot, now);
    slot->received_packets.fetch_add(packets, kRelaxed);
    slot->received_bytes.fetch_add(bytes, kRelaxed);
    if (slot->last_received.load(kRelaxed) != now) slot->last_received.store(now, kRelaxed);
    const uint32_t known = slot->port.load(kRelaxed);
    if (known == port) {
        if (slot->port_heard.load(kRelaxed) != now) slot->port_heard.store(now, kRelaxed);
        return false;
    }
    const bool quiet = now >= slot->port_heard.load(kRelaxed) + kPortQuiet;
    if (known != 0 && !quiet && slot->previous_port.load(kRelaxed) != port) return false;
    // The port decides where packets go: not to be written into a slot that changes hands.
    const std::lock_guard lock(mutex_);
    return slot->generation.load(kRelaxed) == generation && change_port(*slot, port, now);
}

bool Peers::change_port(Slot& slot, uint32_t port, PeerSeconds now) {
    const uint32_t old = slot.port.exchange(port, kRelaxed);
    if (old == port) return false;
    slot.port_heard.store(now, kRelaxed);
    // Whoever has it back keeps it until it is quiet.
    const bool back = slot.previous_port.load(kRelaxed) == port;
    slot.previous_port.store(back ? 0 : old, kRelaxed);
    if (old == 0) return false;
    slot.port_changes.fetch_add(1, kRelaxed);
    return true;
}

bool Peers::learn_mtu(PeerCache& cache, const net::Ip& ip, uint32_t mtu, PeerSeconds now) {
    const auto found = find(cache, ip, now, false);
    const std::lock_guard lock(mutex_);
    return found.slot != nullptr && lower_mtu(found, ip, mtu, now);
}

bool Peers::learn_mtu_of_new(PeerCache& cache, const net::Ip& ip, uint32_t mtu, PeerSeconds now) {
    const auto found = find(cache, ip, now, true);
    const std::lock_guard lock(mutex_);
    return found.slot != nullptr && lower_mtu(found, ip, mtu, now);
}

bool Peers::lower_mtu(const Found& found, const net::Ip& ip, uint32_t mtu, PeerSeconds now) {
    if (found.slot->generation.load(kRelaxed) != found.generation) return false;
    const uint32_t least = std::max(mtu, least_path_mtu(ip.family()));
    const uint32_t known = fresh_mtu(*found.slot, now);
    touch(*found.slot, now);
    if (known != 0 && known <= least) return false;
    found.slot->mtu.store(packed(least, now + kPathMtuLife), kRelaxed);
    return true;
}

uint32_t Peers::mtu(PeerCache& cache, const net::Ip& ip, PeerSeconds now) {
    const auto [slot, generation] = find(cache, ip, now, false);
    if (slot == nullptr) return 0;
    const uint32_t mtu = fresh_mtu(*slot, now);
    if (mtu != 0) touch(*slot, now);
    return slot->generation.load(kRelaxed) == generation ? mtu : 0;
}

PeerRow Peers::row_of(const Slot& slot, PeerSeconds now) {
    return {slot.ip,
            static_cast<uint16_t>(slot.port.load(kRelaxed)),
            fresh_mtu(slot, now),
            slot.received_packets.load(kRelaxed),
            slot.received_bytes.load(kRelaxed),
            slot.sent_packets.load(kRelaxed),
            slot.sent_bytes.load(kRelaxed),
            slot.last_received.load(kRelaxed),
            slot.port_changes.load(kRelaxed),
            slot.used.load(kRelaxed)};
}

std::vector<PeerRow> Peers::rows(PeerSeconds now) const {
    auto out = page(0, SIZE_MAX, now).rows;
    std::sort(out.begin(), out.end(),
              [](const PeerRow& a, const PeerRow& b) { return a.ip < b.ip; });
    return out;
}

PeerPage Peers::page(size_t from, size_t most, PeerSeconds now) const {
    const std::lock_guard lock(mutex_);
    PeerPage page;
    for (size_t i = from; i < unused_; i++) {
        if (page.rows.size() == most) {
            page.next = i;
            return page;
        }
        if (slots_[i].taken) page.rows.push_back(row_of(slots_[i], now));
    }
    return page;
}

size_t Peers::count() const {
    const std::lock_guard lock(mutex_);
    return by_ip_.size();
}

size_t Peers::active(PeerSeconds now, PeerSeconds within) const {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::count_if(by_ip_.begin(), by_ip_.end(), [&](const auto& each) {
        const auto last = slots_[each.second].last_received.load(kRelaxed);
        return last != 0 && now - last <= within;
    }));
}

}  // namespace ipref::gw

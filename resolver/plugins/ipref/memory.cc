// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/ipref/memory.h"

#include <array>
#include <cstring>

namespace ipref::resolver::aa {

namespace {

/// Name in lower case, then the type.
class Key {
  public:
    Key(const dns::Name& lower, uint16_t type) : size_(lower.size() + 2) {
        std::memcpy(bytes_.data(), lower.wire().data(), lower.size());
        bytes_[size_ - 2] = static_cast<char>(type >> 8);
        bytes_[size_ - 1] = static_cast<char>(type);
    }
    std::string_view view() const { return {bytes_.data(), size_}; }

  private:
    std::array<char, dns::kMaxName + 2> bytes_;
    size_t size_;
};

size_t size_of(const Memory::Known& known) {
    constexpr size_t kNodes = 128;  // of list and map, roughly
    size_t bytes = kNodes + sizeof known + 2 * known.outcome.owner.size();
    for (const auto& record : known.outcome.chain) bytes += sizeof record + record.rdata.size();
    bytes += known.outcome.addresses.size() * sizeof(net::Ip);
    return bytes + known.mappings.size() * sizeof known.mappings.front();
}

}  // namespace

Memory::Known* Memory::find(const dns::Name& lower, uint16_t type, run::Milliseconds now) {
    const Key key(lower, type);
    const auto found = by_key_.find(key.view());
    if (found == by_key_.end()) return nullptr;
    auto& known = found->second->known;
    if (now - known.since < known.lasts) return &known;
    erase(found->second);
    return nullptr;
}

void Memory::keep(const dns::Name& lower, uint16_t type, Known known) {
    forget(lower, type);
    const size_t bytes = size_of(known);
    if (known.lasts.count() == 0 || bytes > most_bytes_) return;
    while (bytes_ + bytes > most_bytes_) erase(entries_.begin());
    entries_.push_back({std::string(Key(lower, type).view()), std::move(known), bytes});
    by_key_.emplace(entries_.back().key, std::prev(entries_.end()));
    bytes_ += bytes;
}

void Memory::forget(const dns::Name& lower, uint16_t type) {
    const Key key(lower, type);
    const auto found = by_key_.find(key.view());
    if (found != by_key_.end()) erase(found->second);
}

void Memory::erase(Entries::iterator entry) {
    bytes_ -= entry->bytes;
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

}  // namespace ipref::resolver::aa

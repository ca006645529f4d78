// SPDX-License-Identifier: GPL-2.0-or-later
// RRSIG records (RFC 4034 section 3) for sets of records, and those made before: as many as the
// capacity says. One for all threads.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "resolver/plugins/dnssec/key.h"
#include "resolver/server/message.h"

namespace ipref::resolver {

class Signatures {
  public:
    explicit Signatures(size_t capacity);

    struct Signature {
        std::vector<uint8_t> rdata;  ///< of the RRSIG; empty if the key cannot sign
        bool kept = false;           ///< it was made before
    };
    /// Over `set`: records of one owner, class, type and TTL. Valid for a day and more from `now`,
    /// seconds since 1970.
    Signature of(std::span<const RecordRef> set, const Name& zone, const SigningKey& key,
                 uint32_t now);
    /// How many are kept.
    size_t size() const { return count_; }

  private:
    static constexpr size_t kShards = 16;
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, std::vector<uint8_t>> made;  // by SHA-256 of what is signed
        std::deque<std::string> order;
    };
    size_t most_;  // in a shard
    std::array<Shard, kShards> shards_;
    std::atomic<size_t> count_{0};
};

}  // namespace ipref::resolver

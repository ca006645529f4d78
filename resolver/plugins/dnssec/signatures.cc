// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnssec/signatures.h"

#include <openssl/evp.h>

#include <algorithm>

#include "resolver/plugins/dnssec/rrsig.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kDay = 86'400;
constexpr uint32_t kBefore = 3 * 3600;  // for clients whose clock is slow
constexpr uint32_t kValid = 9 * kDay;   // from the start of the day: at least 7 days are left

std::string sha256(dns::Bytes data) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
               EVP_sha256(), nullptr);
    out.resize(size);
    return out;
}

}  // namespace

Signatures::Signatures(size_t capacity) : most_(std::max<size_t>(capacity / kShards, 1)) {}

Signatures::Signature Signatures::of(std::span<const RecordRef> set, const Name& zone,
                                     const SigningKey& key, uint32_t now) {
    const uint32_t inception = (now - kBefore) / kDay * kDay;
    auto [out, data] = to_sign(set, zone, key, {inception, inception + kValid});
    auto identity = data;
    identity.insert(identity.end(), key.dnskey().begin(), key.dnskey().end());
    auto hash = sha256(identity);
    auto& shard = shards_[static_cast<uint8_t>(hash[0]) % kShards];
    {
        const std::lock_guard lock(shard.mutex);
        if (const auto found = shard.made.find(hash); found != shard.made.end()) {
            return {found->second, true};
        }
    }
    const auto signature = key.sign(data);
    if (signature.empty()) return {};
    out.insert(out.end(), signature.begin(), signature.end());
    const std::lock_guard lock(shard.mutex);
    if (shard.made.emplace(hash, out).second) {
        shard.order.push_back(std::move(hash));
        count_++;
    }
    if (shard.order.size() > most_) {
        shard.made.erase(shard.order.front());
        shard.order.pop_front();
        count_--;
    }
    return {std::move(out), false};
}

}  // namespace ipref::resolver

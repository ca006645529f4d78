// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnssec/signatures.h"

#include <openssl/evp.h>

#include <algorithm>

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

constexpr uint32_t kDay = 86'400;
constexpr uint32_t kBefore = 3 * 3600;  // for clients whose clock is slow
constexpr uint32_t kValid = 9 * kDay;   // from the start of the day: at least 7 days are left

void append(std::vector<uint8_t>& out, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0;) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}
void append(std::vector<uint8_t>& out, dns::Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Bytes in front of the first name of a type's data, and how many names; no names: none matter.
struct Names {
    size_t before;
    size_t count;
};
Names names_of(uint16_t type) {
    switch (type) {
        case rr::kNs:
        case rr::kMd:
        case rr::kMf:
        case rr::kCname:
        case rr::kMb:
        case rr::kMg:
        case rr::kMr:
        case rr::kPtr:
        case rr::kDname:
            return {0, 1};
        case rr::kSoa:
        case rr::kMinfo:
        case rr::kRp:
            return {0, 2};
        case rr::kMx:
        case rr::kAfsdb:
        case rr::kRt:
        case rr::kKx:
            return {2, 1};
        case rr::kPx:
            return {2, 2};
        case rr::kSrv:
            return {6, 1};
        default:
            return {0, 0};
    }
}

/// Labels of the owner as an RRSIG counts them: without the root and a leading asterisk.
uint8_t labels_of(const Name& owner) {
    const auto first = owner.first_label();
    const bool star = first.size() == 1 && first[0] == '*';
    return static_cast<uint8_t>(owner.labels() - (star ? 1 : 0));
}

std::string sha256(dns::Bytes data) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
               EVP_sha256(), nullptr);
    out.resize(size);
    return out;
}

/// The records as they are signed: sorted, each once.
void append_set(std::vector<uint8_t>& out, std::span<const RecordRef> set, const Name& owner) {
    std::vector<std::vector<uint8_t>> all;
    for (const auto& record : set) all.push_back(canonical_rdata(record.type, record.rdata));
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    for (const auto& data : all) {
        append(out, owner.wire());
        append(out, set.front().type, 2);
        append(out, set.front().klass, 2);
        append(out, set.front().ttl, 4);
        append(out, data.size(), 2);
        append(out, data);
    }
}

}  // namespace

std::vector<uint8_t> canonical_rdata(uint16_t type, dns::Bytes rdata) {
    std::vector<uint8_t> out(rdata.begin(), rdata.end());
    const auto names = names_of(type);
    size_t at = names.before;
    for (size_t i = 0; i < names.count; i++) {
        while (at < out.size() && out[at] != 0) {
            const size_t end = std::min(at + 1 + out[at], out.size());
            for (at++; at < end; at++) out[at] = dns::lower_byte(out[at]);
        }
        at++;
    }
    return out;
}

std::vector<uint8_t> type_bitmap(std::span<const uint16_t> types) {
    constexpr size_t kWindow = 32;
    std::vector<uint8_t> out;
    for (size_t at = 0; at < types.size();) {
        const auto window = static_cast<uint8_t>(types[at] >> 8);
        std::array<uint8_t, kWindow> bits{};
        size_t used = 0;
        for (; at < types.size() && types[at] >> 8 == window; at++) {
            const size_t low = types[at] & 0xffU;
            bits[low / 8] = static_cast<uint8_t>(bits[low / 8] | (0x80U >> (low % 8)));
            used = low / 8 + 1;
        }
        out.push_back(window);
        out.push_back(static_cast<uint8_t>(used));
        append(out, dns::Bytes(bits).first(used));
    }
    return out;
}

Signatures::Signatures(size_t capacity, run::Metrics& metrics)
    : most_(std::max<size_t>(capacity / kShards, 1)),
      hits_(metrics.counter("coredns_dnssec_cache_hits_total",
                            "The count of signatures that were there.", {{"server", ""}})),
      misses_(metrics.counter("coredns_dnssec_cache_misses_total",
                              "The count of signatures that were made.", {{"server", ""}})),
      entries_(metrics.gauge("coredns_dnssec_cache_entries", "The number of signatures kept.",
                             {{"server", ""}, {"type", "signature"}})) {}

std::vector<uint8_t> Signatures::of(std::span<const RecordRef> set, const Name& zone,
                                    const SigningKey& key, uint32_t now) {
    const auto owner = Name::from_wire(set.front().owner)->lower();
    const uint32_t inception = (now - kBefore) / kDay * kDay;
    std::vector<uint8_t> out;
    append(out, set.front().type, 2);
    append(out, key.algorithm(), 1);
    append(out, labels_of(owner), 1);
    append(out, set.front().ttl, 4);
    append(out, inception + kValid, 4);
    append(out, inception, 4);
    append(out, key.tag(), 2);
    append(out, zone.wire());
    auto data = out;
    append_set(data, set, owner);
    auto identity = data;
    append(identity, key.dnskey());
    auto hash = sha256(identity);
    auto& shard = shards_[static_cast<uint8_t>(hash[0]) % kShards];
    {
        const std::lock_guard lock(shard.mutex);
        if (const auto found = shard.made.find(hash); found != shard.made.end()) {
            hits_.add();
            return found->second;
        }
    }
    misses_.add();
    const auto signature = key.sign(data);
    if (signature.empty()) return {};
    append(out, signature);
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
    entries_.set(static_cast<double>(count_));
    return out;
}

}  // namespace ipref::resolver

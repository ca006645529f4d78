// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/dnssec/rrsig.h"

#include <algorithm>
#include <array>

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

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

ToSign to_sign(std::span<const RecordRef> set, const Name& zone, const SigningKey& key,
               Validity validity) {
    const auto owner = Name::from_wire(set.front().owner)->lower();
    ToSign out;
    append(out.head, set.front().type, 2);
    append(out.head, key.algorithm(), 1);
    append(out.head, labels_of(owner), 1);
    append(out.head, set.front().ttl, 4);
    append(out.head, validity.expiration, 4);
    append(out.head, validity.inception, 4);
    append(out.head, key.tag(), 2);
    append(out.head, zone.wire());
    out.data = out.head;
    append_set(out.data, set, owner);
    return out;
}

}  // namespace ipref::resolver

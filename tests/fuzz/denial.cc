// SPDX-License-Identifier: GPL-2.0-or-later
// NSEC and NSEC3 data as denials, and a whole answer of a signed zone. Input: records, each an
// octet (which owner; with the top bit NSEC3), one for the length, and the data. Nothing crashes,
// no records deny nothing, and what an NSEC says is there is not denied.
#include <array>
#include <cstdlib>
#include <optional>

#include "common/dns/denial.h"
#include "common/dns/ldns.h"
#include "common/dns/signed_answer.h"
#include "unit/dns-agent/signed_names.h"

namespace {

using namespace ipref;
using namespace ipref::dns;

Name name(const char* text) {
    return Name::parse(text).value();
}

constexpr int64_t kNow = 1'800'000'000;  // 2027
const Name kZone = name("example.com");
const Name kAsked = name("a.b.example.com");
const std::array kOwners = {name("example.com"),
                            name("b.example.com"),
                            name("a.b.example.com"),
                            name("*.b.example.com"),
                            name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.com"),
                            name("35mthgpgcu1qg68fab165klnsnk3dpvl.example.com")};

/// Of NSEC data that is well-formed as far as this: whether its first window has type 16, TXT.
bool says_txt(const std::vector<uint8_t>& rdata) {
    const auto next = Name::from_wire(rdata);
    if (!next || !next->is_under(kZone)) return false;
    const auto types = Bytes(rdata).subspan(next->size());
    if (types.size() < 5 || types[0] != 0 || types[1] < 3) return false;
    return types.size() == 2u + types[1] && types[1] <= 32 && (types[4] & 0x80) != 0;
}

/// Signed by nobody, so that only the reading of it is tried.
void read_answer(Bytes message) {
    static const ZoneKeys keys = [] {
        SignedSet set;
        for (const auto& line : test::kSignedNames) {
            auto record = parse_record(line).value();
            if (record.owner != kZone) continue;
            if (record.type == rr::kDnskey)
                set.records.push_back(std::move(record));
            else if (covered_type(record.rdata) == rr::kDnskey)
                set.signatures.push_back(std::move(record));
        }
        const TrustAnchors anchors{parse_record(test::kNamesAnchor).value()};
        return ZoneKeys::make(kZone, anchors, set, kNow).value();
    }();
    static_cast<void>(signed_answer(message, kAsked, rr::kTxt, keys, kNow));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    read_answer({data, size});
    Denial denial(kZone);
    std::optional<bool> there;
    size_t records = 0;
    for (size_t at = 0; at + 2 <= size;) {
        const uint8_t head = data[at];
        const size_t length = std::min<size_t>(data[at + 1], size - at - 2);
        Record record;
        record.owner = kOwners[(head & 0x7f) % kOwners.size()];
        record.type = (head & 0x80) != 0 ? rr::kNsec3 : rr::kNsec;
        record.rdata.assign(data + at + 2, data + at + 2 + length);
        at += 2 + length;
        records++;
        if (record.type == rr::kNsec && record.owner == kAsked && !there &&
            says_txt(record.rdata)) {
            there = true;
        } else if (record.type == rr::kNsec && record.owner == kAsked && !there) {
            there = false;
        }
        denial.add(record);
    }
    const bool denied = denial.none(kAsked, rr::kTxt).has_value();
    if (denied && (records == 0 || there == true)) std::abort();
    static_cast<void>(denial.of_wildcard(kAsked, 2));
    static_cast<void>(denial.none(name("c.example.com"), rr::kA));
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/denial.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/dns/ldns.h"

namespace ipref::dns {

namespace {

constexpr uint8_t kSha1 = 1;    // the only algorithm of NSEC3
constexpr uint8_t kOptOut = 1;  // the only flag

/// A type bitmap (RFC 4034 section 4.1.2): window, length 1 to 32, bits.
bool is_bitmap(Bytes types) {
    int before = -1;
    while (!types.empty()) {
        if (types.size() < 2 || types[0] <= before || types[1] == 0 || types[1] > 32) return false;
        if (types.size() < 2u + types[1]) return false;
        before = types[0];
        types = types.subspan(2u + types[1]);
    }
    return true;
}

/// `types` is a bitmap.
bool has(Bytes types, uint16_t type) {
    const size_t byte = type % 256 / 8;
    while (!types.empty()) {
        if (types[0] == type / 256) {
            return byte < types[1] && (types[2 + byte] & 0x80 >> type % 8) != 0;
        }
        types = types.subspan(2u + types[1]);
    }
    return false;
}

bool is_cut(Bytes types) {
    return has(types, rr::kNs) && !has(types, rr::kSoa);
}

/// Neither of that type, nor an alias to somewhere that may have it.
bool lacks(Bytes types, uint16_t type) {
    return !has(types, type) && !has(types, rr::kCname);
}

Name ancestor(const Name& name, size_t labels) {
    return name.without(name.labels() - labels);
}

size_t common_labels(const Name& a, const Name& b) {
    auto labels = std::min(a.labels(), b.labels());
    while (ancestor(a, labels) != ancestor(b, labels)) labels--;
    return labels;
}

}  // namespace

bool Denial::Nsec::covers(const Name& name) const {
    if (owner < next) return owner < name && name < next;
    return owner < name;  // the last one; the next is the zone's own name
}

bool Denial::Nsec3::covers(const Hash& hash) const {
    if (owner < next) return owner < hash && hash < next;
    return owner < hash || hash < next;
}

void Denial::add(const Record& record) {
    if (record.type == rr::kNsec) return add_nsec(record);
    if (record.type == rr::kNsec3) add_nsec3(record);
}

void Denial::add_nsec(const Record& record) {
    const auto next = Name::from_wire(record.rdata);
    if (!next || !record.owner.is_under(zone_) || !next->is_under(zone_)) return;
    const auto types = Bytes(record.rdata).subspan(next->size());
    if (!is_bitmap(types)) return;
    nsecs_.push_back({record.owner, *next, {types.begin(), types.end()}});
}

/// RFC 5155 section 3.2; what is not understood or differs from the others does not count (8.2).
void Denial::add_nsec3(const Record& record) {
    wire::Reader reader(record.rdata);
    const auto algorithm = reader.u8();
    const auto flags = reader.u8();
    Parameters parameters;
    parameters.iterations = reader.u16();
    const auto salt = reader.take(reader.u8());
    const auto next = reader.take(reader.u8());
    const auto types = reader.rest();
    Nsec3 made{{}, {}, flags == kOptOut, {types.begin(), types.end()}};
    if (!reader.ok() || algorithm != kSha1 || flags > kOptOut || !is_bitmap(types)) return;
    if (next.size() != made.next.size() || record.owner.without(1) != zone_) return;
    const auto label = record.owner.first_label();
    const std::string text(label.begin(), label.end());
    if (text.size() != 32 ||
        ldns_b32_pton_extended_hex(text.c_str(), text.size(), made.owner.data(),
                                   made.owner.size()) != static_cast<int>(made.owner.size())) {
        return;
    }
    if (parameters.iterations > kMostIterations) {
        too_many_ = parameters.iterations;
        return;
    }
    parameters.salt.assign(salt.begin(), salt.end());
    if (!parameters_) parameters_ = parameters;
    if (*parameters_ != parameters) return;
    std::copy(next.begin(), next.end(), made.next.begin());
    nsec3s_.push_back(std::move(made));
}

Denial::Hash Denial::hash(const Name& name) const {
    const auto lower = name.lower();
    const auto& salt = parameters_->salt;
    std::vector<uint8_t> input(lower.wire().begin(), lower.wire().end());
    Hash digest{};
    for (int round = 0; round <= parameters_->iterations; round++) {
        if (round > 0) input.assign(digest.begin(), digest.end());
        input.insert(input.end(), salt.begin(), salt.end());
        ldns_sha1(input.data(), static_cast<unsigned>(input.size()), digest.data());
    }
    return digest;
}

const Denial::Nsec* Denial::match(const Name& name) const {
    const auto found = std::find_if(nsecs_.begin(), nsecs_.end(),
                                    [&](const Nsec& one) { return one.owner == name; });
    return found == nsecs_.end() ? nullptr : &*found;
}

/// One that leads below a DNAME says nothing: the name is elsewhere (RFC 6840 section 4.1).
const Denial::Nsec* Denial::cover(const Name& name) const {
    const auto found = std::find_if(nsecs_.begin(), nsecs_.end(), [&](const Nsec& one) {
        const bool above = name.is_under(one.owner);
        return one.covers(name) && !(above && has(one.types, rr::kDname));
    });
    return found == nsecs_.end() ? nullptr : &*found;
}

const Denial::Nsec3* Denial::match3(const Name& name) const {
    const auto wanted = hash(name);
    const auto found = std::find_if(nsec3s_.begin(), nsec3s_.end(),
                                    [&](const Nsec3& one) { return one.owner == wanted; });
    return found == nsec3s_.end() ? nullptr : &*found;
}

const Denial::Nsec3* Denial::cover3(const Name& name) const {
    const auto wanted = hash(name);
    const auto found = std::find_if(nsec3s_.begin(), nsec3s_.end(),
                                    [&](const Nsec3& one) { return one.covers(wanted); });
    return found == nsec3s_.end() ? nullptr : &*found;
}

Denial::Verdict Denial::nothing_there() const {
    if (too_many_ > 0) {
        return tl::unexpected(
            fmt::format("its proof hashes names {} times (NSEC3), more than {}; the zone should be "
                        "signed with no additional iterations",
                        too_many_, kMostIterations));
    }
    return tl::unexpected<std::string>("no signed NSEC or NSEC3 record proves it");
}

Denial::Verdict Denial::none(const Name& name, uint16_t type) const {
    if (!name.is_under(zone_)) return tl::unexpected("it is not in " + zone_.str());
    const auto above = [&](const Name& cut) { return cut != zone_ && name.is_under(cut); };
    if (std::any_of(cuts_.begin(), cuts_.end(), above)) return {};
    if (!nsecs_.empty()) return none_by_nsec(name, type);
    if (!nsec3s_.empty()) return none_by_nsec3(name, type);
    return nothing_there();
}

Denial::Verdict Denial::none_by_nsec(const Name& name, uint16_t type) const {
    if (const auto* here = match(name)) {
        if (lacks(here->types, type)) return {};
        return tl::unexpected<std::string>("its NSEC record says that it is there");
    }
    const auto* span = cover(name);
    if (span == nullptr) {
        return tl::unexpected<std::string>("no signed NSEC record is about it");
    }
    if (span->next.is_under(name)) return {};  // there are names below it, but nothing at it
    if (name.is_under(span->owner) && is_cut(span->types)) return {};
    const auto encloser = std::max(common_labels(name, span->owner),  //
                                   common_labels(name, span->next));
    // It fits, for the encloser is above a name.
    const auto wildcard = ancestor(name, encloser).wildcard().value();
    if (const auto* there = match(wildcard)) {
        if (lacks(there->types, type)) return {};
        return tl::unexpected(fmt::format("{} is there", wildcard.str()));
    }
    if (cover(wildcard) != nullptr) return {};
    return tl::unexpected(
        fmt::format("no signed NSEC record says that there is no {}", wildcard.str()));
}

Denial::Verdict Denial::none_by_nsec3(const Name& name, uint16_t type) const {
    if (const auto* here = match3(name)) {
        if (lacks(here->types, type)) return {};
        return tl::unexpected<std::string>("its NSEC3 record says that it is there");
    }
    for (size_t labels = name.labels(); labels-- > zone_.labels();) {
        const auto encloser = ancestor(name, labels);
        const auto* above = match3(encloser);
        if (above == nullptr) continue;
        if (is_cut(above->types)) return {};
        if (has(above->types, rr::kDname)) break;
        const auto* span = cover3(ancestor(name, labels + 1));
        if (span == nullptr) break;
        if (span->opt_out) return {};
        const auto wildcard = encloser.wildcard().value();
        const auto* there = match3(wildcard);
        if (there != nullptr ? lacks(there->types, type) : cover3(wildcard) != nullptr) return {};
        return tl::unexpected(
            fmt::format("no signed NSEC3 record says that there is no {}", wildcard.str()));
    }
    return tl::unexpected<std::string>("no signed NSEC3 records prove it");
}

Denial::Verdict Denial::of_wildcard(const Name& name, size_t labels) const {
    const auto no = [&](const char* what) {
        return tl::unexpected(
            fmt::format("no signed {} record says that there is no {}", what, name.str()));
    };
    if (labels < zone_.labels() || labels >= name.labels() || !name.is_under(zone_)) {
        return tl::unexpected<std::string>("no wildcard of the zone can have made it");
    }
    if (!nsecs_.empty()) {
        const auto* span = cover(name);
        if (span == nullptr || span->next.is_under(name)) return no("NSEC");
        if (name.is_under(span->owner) && is_cut(span->types)) return no("NSEC");
        const auto encloser = std::max(common_labels(name, span->owner),  //
                                       common_labels(name, span->next));
        return encloser == labels ? Verdict{} : no("NSEC");
    }
    if (nsec3s_.empty()) return nothing_there();
    return cover3(ancestor(name, labels + 1)) != nullptr ? Verdict{} : no("NSEC3");
}

}  // namespace ipref::dns

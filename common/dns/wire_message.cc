// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/wire_message.h"

#include <algorithm>
#include <cassert>

namespace ipref::dns {

namespace {

uint16_t get16(const uint8_t* at) {
    return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

uint32_t get32(const uint8_t* at) {
    return static_cast<uint32_t>(get16(at)) << 16 | get16(at + 2);
}

void set16(uint8_t* at, uint16_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

/// How names lie in the data of the types where they may be compressed: so many bytes, so many
/// names, and then the rest. NAPTR's strings are stepped over by hand.
struct Layout {
    uint16_t type;
    uint8_t before;
    uint8_t names;
};

constexpr Layout kLayouts[] = {
    {rr::kNs, 0, 1},    {rr::kMd, 0, 1},  {rr::kMf, 0, 1},  {rr::kCname, 0, 1}, {rr::kSoa, 0, 2},
    {rr::kMb, 0, 1},    {rr::kMg, 0, 1},  {rr::kMr, 0, 1},  {rr::kPtr, 0, 1},   {rr::kMinfo, 0, 2},
    {rr::kMx, 2, 1},    {rr::kRp, 0, 2},  {rr::kRt, 2, 1},  {rr::kAfsdb, 2, 1}, {rr::kSig, 18, 1},
    {rr::kPx, 2, 2},    {rr::kNxt, 0, 1}, {rr::kSrv, 6, 1}, {rr::kKx, 2, 1},    {rr::kDname, 0, 1},
    {rr::kNaptr, 4, 1},
};

const Layout* layout_of(uint16_t type) {
    for (const auto& layout : kLayouts) {
        if (layout.type == type) return &layout;
    }
    return nullptr;
}

}  // namespace

std::optional<Header> Header::read(Bytes message) {
    if (message.size() < kHeaderSize) return std::nullopt;
    const uint8_t* at = message.data();
    return Header{get16(at),     get16(at + 2), get16(at + 4),
                  get16(at + 6), get16(at + 8), get16(at + 10)};
}

void Header::write(std::span<uint8_t> message) const {
    assert(message.size() >= kHeaderSize);
    const uint16_t words[] = {id, flags, questions, answers, authorities, additionals};
    for (size_t i = 0; i < 6; i++) set16(message.data() + 2 * i, words[i]);
}

Edns Edns::from(const RecordView& record) {
    Edns edns;
    edns.udp_size = record.klass;
    edns.extended_rcode = static_cast<uint8_t>(record.ttl >> 24);
    edns.version = static_cast<uint8_t>(record.ttl >> 16);
    edns.dnssec_ok = (record.ttl & 0x8000) != 0;
    edns.options = record.rdata;
    return edns;
}

std::optional<Bytes> Edns::option(uint16_t code) const {
    wire::Reader reader(options);
    while (reader.left() > 0) {
        const uint16_t found = reader.u16();
        const auto data = reader.take(reader.u16());
        if (!reader.ok()) break;
        if (found == code) return data;
    }
    return std::nullopt;
}

MessageReader::MessageReader(Bytes message) : message_(message) {
    const auto header = Header::read(message);
    if (!header || message.size() > kMaxMessage) return;
    header_ = *header;
    questions_left_ = header->questions;
    ok_ = true;
}

std::optional<size_t> MessageReader::skip_name(size_t offset) const {
    for (;;) {
        if (offset >= message_.size()) return std::nullopt;
        const uint8_t length = message_[offset];
        if (length == 0) return offset + 1;
        if (length >= 0xc0) {
            return offset + 2 <= message_.size() ? std::optional(offset + 2) : std::nullopt;
        }
        if (length > kMaxLabel) return std::nullopt;
        offset += length + 1U;
    }
}

std::optional<Name> MessageReader::name_at(size_t offset) const {
    std::array<uint8_t, kMaxName> bytes;
    size_t size = 0;
    size_t labels = 0;
    size_t lowest = offset;  // a pointer must go below every place the name has been at
    for (;;) {
        if (offset >= message_.size()) return std::nullopt;
        const uint8_t length = message_[offset];
        if (length >= 0xc0) {
            if (offset + 1 >= message_.size()) return std::nullopt;
            const size_t to = (length & 0x3fU) << 8 | message_[offset + 1];
            if (to >= lowest || to < kHeaderSize) return std::nullopt;
            lowest = offset = to;
            continue;
        }
        if (length > kMaxLabel || offset + length >= message_.size()) return std::nullopt;
        if (size + length + 1U > kMaxName) return std::nullopt;
        std::memcpy(bytes.data() + size, message_.data() + offset, length + 1U);
        size += length + 1U;
        offset += length + 1U;
        if (length == 0) return Name::trusted({bytes.data(), size}, labels);
        labels++;
    }
}

std::optional<Name> MessageReader::take_name() {
    auto name = name_at(at_);
    const auto end = skip_name(at_);
    if (!name || !end) {
        fail();
        return std::nullopt;
    }
    at_ = *end;
    return name;
}

std::optional<Question> MessageReader::question() {
    if (!ok_ || questions_left_ == 0) return std::nullopt;
    const auto name = take_name();
    if (!name || message_.size() - at_ < 4) {
        fail();
        return std::nullopt;
    }
    questions_left_--;
    const uint8_t* at = message_.data() + at_;
    at_ += 4;
    return Question{*name, get16(at), get16(at + 2)};
}

std::optional<RecordView> MessageReader::record() {
    while (questions_left_ > 0 && ok_) question();
    const uint32_t before_authority = header_.answers;
    const uint32_t before_additional = before_authority + header_.authorities;
    if (!ok_ || records_read_ >= before_additional + header_.additionals) return std::nullopt;
    RecordView record;
    record.owner_at = at_;
    const auto owner = take_name();
    if (!owner || message_.size() - at_ < 10) {
        fail();
        return std::nullopt;
    }
    const uint8_t* at = message_.data() + at_;
    const size_t length = get16(at + 8);
    at_ += 10;
    if (message_.size() - at_ < length) {
        fail();
        return std::nullopt;
    }
    record.section = records_read_ < before_authority    ? Section::answer
                     : records_read_ < before_additional ? Section::authority
                                                         : Section::additional;
    record.owner = *owner;
    record.type = get16(at);
    record.klass = get16(at + 2);
    record.ttl = get32(at + 4);
    record.rdata_at = at_;
    record.rdata = message_.subspan(at_, length);
    at_ += length;
    records_read_++;
    return record;
}

bool MessageReader::done() const {
    const uint32_t all =
        static_cast<uint32_t>(header_.answers) + header_.authorities + header_.additionals;
    return ok_ && questions_left_ == 0 && records_read_ == all && at_ == message_.size();
}

std::optional<Name> MessageReader::rdata_name(const RecordView& record) const {
    const auto end = skip_name(record.rdata_at);
    if (!end || *end != record.rdata_at + record.rdata.size()) return std::nullopt;
    return name_at(record.rdata_at);
}

std::optional<std::vector<uint8_t>> MessageReader::plain_rdata(const RecordView& record) const {
    const auto plain = [](Bytes bytes) { return std::vector<uint8_t>(bytes.begin(), bytes.end()); };
    const Layout* layout = layout_of(record.type);
    if (layout == nullptr || record.rdata.empty()) return plain(record.rdata);
    size_t before = layout->before;
    const size_t size = record.rdata.size();
    for (int i = 0; record.type == rr::kNaptr && i < 3;
         i++) {  // flags, service, regular expression
        if (before >= size) return std::nullopt;
        before += record.rdata[before] + 1U;
    }
    if (before > size) return std::nullopt;
    auto data = plain(record.rdata.first(before));
    size_t at = record.rdata_at + before;
    const size_t end = record.rdata_at + size;
    for (int i = 0; i < layout->names; i++) {
        const auto next = skip_name(at);
        const auto name = name_at(at);
        if (!next || !name || *next > end) return std::nullopt;
        data.insert(data.end(), name->wire().begin(), name->wire().end());
        at = *next;
    }
    const auto rest = message_.subspan(at, end - at);
    data.insert(data.end(), rest.begin(), rest.end());
    return data;
}

MessageWriter::MessageWriter(std::span<uint8_t> space)
    : space_(space.first(std::min(space.size(), kMaxMessage))), limit_(space_.size()) {
    assert(space.size() >= kHeaderSize);
}

void MessageWriter::limit(size_t bytes) {
    limit_ = std::max(at_, std::min(bytes, space_.size()));
}

void MessageWriter::back_to(const Mark& mark) {
    at_ = mark.at;
    names_ = mark.names;
    header_ = mark.header;
}

bool MessageWriter::put(Bytes bytes) {
    if (bytes.size() > limit_ - at_) return false;
    if (!bytes.empty()) std::memcpy(space_.data() + at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return true;
}

bool MessageWriter::put16(uint16_t value) {
    if (limit_ - at_ < 2) return false;
    set16(space_.data() + at_, value);
    at_ += 2;
    return true;
}

bool MessageWriter::put32(uint32_t value) {
    return put16(static_cast<uint16_t>(value >> 16)) && put16(static_cast<uint16_t>(value));
}

/// Whether the name written at `at` (compressed perhaps) is `suffix`, in the same spelling: a
/// pointer must not change the case of an owner's name.
std::optional<uint16_t> MessageWriter::find(Bytes suffix) const {
    for (size_t i = 0; i < names_; i++) {
        if (lengths_[i] != suffix.size()) continue;
        size_t at = offsets_[i];
        size_t compared = 0;
        while (compared < suffix.size()) {
            const uint8_t length = space_[at];
            if (length >= 0xc0) {
                at = (length & 0x3fU) << 8 | space_[at + 1];
                continue;
            }
            const size_t bytes = length + 1U;
            if (bytes > suffix.size() - compared) break;
            if (std::memcmp(space_.data() + at, suffix.data() + compared, bytes) != 0) break;
            compared += bytes;
            at += bytes;
        }
        if (compared == suffix.size()) return offsets_[i];
    }
    return std::nullopt;
}

bool MessageWriter::name(const Name& name) {
    Bytes rest = name.wire();
    while (rest[0] != 0) {
        if (const auto at = find(rest)) return put16(static_cast<uint16_t>(0xc000 | *at));
        if (names_ < kNames && at_ < 0x4000) {
            offsets_[names_] = static_cast<uint16_t>(at_);
            lengths_[names_++] = static_cast<uint8_t>(rest.size());
        }
        if (!put(rest.first(rest[0] + 1U))) return false;
        rest = rest.subspan(rest[0] + 1U);
    }
    return put(rest);
}

bool MessageWriter::rdata(uint16_t type, Bytes data) {
    size_t names = 0;
    if (type == rr::kNs || type == rr::kCname || type == rr::kPtr) names = 1;
    if (type == rr::kMx && data.size() > 2) {
        if (!put(data.first(2))) return false;
        data = data.subspan(2);
        names = 1;
    }
    if (type == rr::kSoa) names = 2;
    for (; names > 0; names--) {
        const auto one = Name::from_wire(data);
        if (!one) break;  // not what the type promises: as it is
        if (!name(*one)) return false;
        data = data.subspan(one->size());
    }
    return put(data);
}

bool MessageWriter::question(const Question& question) {
    const auto before = mark();
    if (name(question.name) && put16(question.type) && put16(question.klass)) {
        header_.questions++;
        return true;
    }
    back_to(before);
    return false;
}

bool MessageWriter::record(Section section, const Name& owner, uint16_t type, uint16_t klass,
                           uint32_t ttl, Bytes data) {
    const auto before = mark();
    bool fits = name(owner) && put16(type) && put16(klass) && put32(ttl);
    const size_t length_at = at_;
    fits = fits && put16(0) && rdata(type, data);
    if (!fits || at_ - length_at - 2 > 0xffff) {
        back_to(before);
        return false;
    }
    set16(space_.data() + length_at, static_cast<uint16_t>(at_ - length_at - 2));
    if (section == Section::answer) header_.answers++;
    if (section == Section::authority) header_.authorities++;
    if (section == Section::additional) header_.additionals++;
    return true;
}

bool MessageWriter::edns(const Edns& edns) {
    const uint32_t ttl = static_cast<uint32_t>(edns.extended_rcode) << 24 |
                         static_cast<uint32_t>(edns.version) << 16 |
                         (edns.dnssec_ok ? 0x8000U : 0U);
    return record(Section::additional, Name(), rr::kOpt, edns.udp_size, ttl, edns.options);
}

std::span<uint8_t> MessageWriter::finish(uint16_t id, uint16_t flags) {
    header_.id = id;
    header_.flags = flags;
    header_.write(space_);
    return space_.first(at_);
}

void append_option(std::vector<uint8_t>& options, uint16_t code, Bytes data) {
    uint8_t head[4];
    set16(head, code);
    set16(head + 2, static_cast<uint16_t>(data.size()));
    options.insert(options.end(), head, head + 4);
    options.insert(options.end(), data.begin(), data.end());
}

void append_extended_error(std::vector<uint8_t>& options, uint16_t code, std::string_view text) {
    std::vector<uint8_t> data(2);
    set16(data.data(), code);
    data.insert(data.end(), text.begin(), text.end());
    append_option(options, option::kExtendedError, data);
}

}  // namespace ipref::dns

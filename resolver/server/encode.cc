// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/encode.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "common/dns/wire_message.h"

namespace ipref::resolver {

namespace {

namespace rr = dns::rr;

constexpr size_t kOptSize = 11;
constexpr uint16_t kOurUdpSize = dns::kEdnsUdpSize;

/// The shape of data that holds names: bytes before the first name, how many names follow, and
/// whether they may be compressed. Others may point at them in any case.
struct Shape {
    size_t before;
    size_t names;
    bool compressed = true;
};
Shape shape_of(uint16_t type) {
    switch (type) {
        case rr::kNs:
        case rr::kCname:
        case rr::kPtr:
        case rr::kMd:
        case rr::kMf:
        case rr::kMb:
        case rr::kMg:
        case rr::kMr:
            return {0, 1};
        case rr::kSoa:
        case rr::kMinfo:
            return {0, 2};
        case rr::kMx:
            return {2, 1};
        case rr::kDname:
            return {0, 1, false};
        default:
            return {0, 0};
    }
}

/// Length of the wire name at the front of `bytes`; 0 if there is none.
size_t name_length(Bytes bytes) {
    size_t at = 0;
    while (at < bytes.size() && bytes[at] != 0 && bytes[at] <= dns::kMaxLabel) at += bytes[at] + 1U;
    return at < bytes.size() && bytes[at] == 0 && at < dns::kMaxName ? at + 1 : 0;
}

/// Whether data has the names that its type says. An upstream's may be empty, or hold anything.
bool has_shape(Bytes data, const Shape& shape) {
    if (data.size() < shape.before) return false;
    data = data.subspan(shape.before);
    for (size_t i = 0; i < shape.names; i++) {
        const size_t length = name_length(data);
        if (length == 0) return false;
        data = data.subspan(length);
    }
    return true;
}

class Encoder {
  public:
    Encoder(std::span<uint8_t> out, size_t limit) : out_(out), end_(std::min(limit, out.size())) {
        assert(end_ >= dns::kHeaderSize);
    }

    size_t size() const { return at_; }
    void hold_back(size_t bytes) { end_ -= bytes; }
    void give_back(size_t bytes) { end_ += bytes; }

    bool put(Bytes bytes) {
        if (bytes.size() > end_ - at_) return false;
        if (!bytes.empty()) std::memcpy(out_.data() + at_, bytes.data(), bytes.size());
        at_ += bytes.size();
        return true;
    }
    bool put16(uint16_t value) {
        const uint8_t bytes[] = {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
        return put(bytes);
    }
    bool put32(uint32_t value) {
        return put16(static_cast<uint16_t>(value >> 16)) && put16(static_cast<uint16_t>(value));
    }

    /// A name, with a pointer to the longest part of it that was written before.
    bool name(Bytes name, bool compressed = true) {
        if (compressed && name.data() == last_name_)
            return put16(static_cast<uint16_t>(0xc000 | last_at_));
        const size_t start = at_;
        size_t from = 0;
        while (name[from] != 0) {
            const auto known = compressed ? find(name.subspan(from)) : 0;
            if (known != 0) {
                if (!put(name.first(from)) || !put16(static_cast<uint16_t>(0xc000 | known))) {
                    return false;
                }
                remember(name, from == 0 ? known : start);
                return true;
            }
            if (count_ < kNames && start + from < 0x4000) {
                places_[count_] = static_cast<uint16_t>(start + from);
                lengths_[count_++] = static_cast<uint8_t>(name.size() - from);
            }
            from += name[from] + 1U;
        }
        if (!put(name)) return false;
        remember(name, start);
        return true;
    }

    bool record(const RecordRef& record) {
        const size_t start = at_;
        const size_t names = count_;
        if (name(record.owner) && put16(record.type) && put16(record.klass) && put32(record.ttl) &&
            data(record)) {
            return true;
        }
        at_ = start;
        count_ = names;
        last_name_ = nullptr;
        return false;
    }

  private:
    static constexpr size_t kNames = 120;

    void remember(Bytes name, size_t at) {
        if (at >= 0x4000 || name.size() == 1) return;
        last_name_ = name.data();
        last_at_ = at;
    }

    bool data(const RecordRef& record) {
        const size_t length_at = at_;
        if (!put16(static_cast<uint16_t>(record.rdata.size()))) return false;
        const Shape shape = shape_of(record.type);
        if (shape.names == 0 || !has_shape(record.rdata, shape)) return put(record.rdata);
        if (!put(record.rdata.first(shape.before))) return false;
        Bytes rest = record.rdata.subspan(shape.before);
        for (size_t i = 0; i < shape.names; i++) {
            const size_t length = name_length(rest);
            if (!name(rest.first(length), shape.compressed)) return false;
            rest = rest.subspan(length);
        }
        if (!put(rest)) return false;
        const size_t length = at_ - length_at - 2;
        out_[length_at] = static_cast<uint8_t>(length >> 8);
        out_[length_at + 1] = static_cast<uint8_t>(length);
        return true;
    }

    /// Where the name `suffix` stands in the message, 0 if nowhere.
    size_t find(Bytes suffix) const {
        for (size_t i = 0; i < count_; i++) {
            if (lengths_[i] == suffix.size() && same_at(places_[i], suffix)) return places_[i];
        }
        return 0;
    }
    bool same_at(size_t place, Bytes suffix) const {
        size_t at = 0;
        while (true) {
            const uint8_t length = out_[place];
            if ((length & 0xc0) != 0) {
                place = static_cast<size_t>(length & 0x3f) << 8 | out_[place + 1];
                continue;
            }
            if (length != suffix[at]) return false;
            if (length == 0) return true;
            if (!dns::same_bytes(Bytes(out_).subspan(place + 1, length),
                                 suffix.subspan(at + 1, length))) {
                return false;
            }
            place += length + 1U;
            at += length + 1U;
        }
    }

    std::span<uint8_t> out_;
    size_t end_;
    size_t at_ = dns::kHeaderSize;
    std::array<uint16_t, kNames> places_;  // uninitialised behind count_
    std::array<uint8_t, kNames> lengths_;
    size_t count_ = 0;
    const uint8_t* last_name_ = nullptr;  // spans given are alive while the encoder is
    size_t last_at_ = 0;
};

uint16_t flags_of(const Request& request, const Reply& reply, bool cut) {
    namespace flag = dns::flag;
    unsigned flags = flag::kQr | static_cast<unsigned>(request.opcode) << 11 | (reply.rcode & 15U);
    if (reply.aa) flags |= flag::kAa;
    if (reply.tc || cut) flags |= flag::kTc;
    if (request.rd) flags |= flag::kRd;
    if (reply.ra) flags |= flag::kRa;
    if (reply.ad) flags |= flag::kAd;
    if (request.cd) flags |= flag::kCd;
    return static_cast<uint16_t>(flags);
}

size_t options_size(const Reply& reply) {
    size_t size = 0;
    for (const auto& option : reply.options) size += 4 + option.data.size();
    return size;
}

void put_opt(Encoder& to, const Request& request, const Reply& reply, bool with_options) {
    const size_t size = with_options ? options_size(reply) : 0;
    const uint8_t root[] = {0};
    uint32_t ttl = static_cast<uint32_t>(reply.rcode >> 4) << 24;
    if (request.edns.dnssec_ok) ttl |= 0x8000;
    to.put(root);
    to.put16(rr::kOpt);
    to.put16(kOurUdpSize);
    to.put32(ttl);
    to.put16(static_cast<uint16_t>(size));
    if (!with_options) return;
    for (const auto& option : reply.options) {
        to.put16(option.code);
        to.put16(static_cast<uint16_t>(option.data.size()));
        to.put(option.data);
    }
}

/// As many of the records as fit; false if some did not.
bool put_section(Encoder& to, const std::vector<RecordRef>& records, uint16_t& count) {
    for (const auto& record : records) {
        if (!to.record(record)) return false;
        count++;
    }
    return true;
}

bool sends_options(const Reply& reply) {
    return options_size(reply) < dns::kPlainUdpSize / 2;
}

/// Bytes of the OPT record that goes with the reply; 0: none does.
size_t opt_size(const Request& request, const Reply& reply) {
    if (!request.edns.present) return 0;
    return kOptSize + (sends_options(reply) ? options_size(reply) : 0);
}

/// Question and records; false if some did not fit.
bool put_sections(Encoder& to, const Request& request, const Reply& reply, dns::Header& header) {
    header.questions = 1;
    to.name(request.name.wire());
    to.put16(request.type);
    to.put16(request.klass);
    return put_section(to, reply.answer, header.answers) &&
           put_section(to, reply.authority, header.authorities) &&
           put_section(to, reply.additional, header.additionals);
}

}  // namespace

size_t encode_reply(const Request& request, const Reply& reply, size_t limit,
                    std::span<uint8_t> out) {
    assert(out.size() >= dns::kPlainUdpSize);
    Encoder to(out, limit);
    dns::Header header;
    bool whole = true;
    if (reply.is_packed()) {
        header = *dns::Header::read(reply.packed.message);
        to.put(reply.packed.message.subspan(dns::kHeaderSize));
    } else {
        const size_t held = opt_size(request, reply);
        to.hold_back(held);
        whole = put_sections(to, request, reply, header);
        to.give_back(held);
    }
    if (request.edns.present) {
        put_opt(to, request, reply, sends_options(reply));
        header.additionals++;
    }
    header.id = request.id;
    header.flags = flags_of(request, reply, !whole);
    header.write(out);
    return to.size();
}

size_t pad_reply(const Request& request, const Reply& reply, size_t size, size_t block,
                 std::span<uint8_t> out) {
    constexpr size_t kOptionHead = 4;
    if (!request.edns.present) return size;
    const size_t least = size + kOptionHead;
    const size_t padded = (least + block - 1) / block * block;
    if (padded > std::min(out.size(), dns::kMaxMessage)) return size;
    const size_t options = opt_size(request, reply) - kOptSize;
    const size_t data = padded - least;
    const size_t length_at = size - options - 2;
    const auto put = [&](size_t at, size_t value) {
        out[at] = static_cast<uint8_t>(value >> 8);
        out[at + 1] = static_cast<uint8_t>(value);
    };
    put(length_at, options + kOptionHead + data);
    put(size, dns::option::kPadding);
    put(size + 2, data);
    std::memset(out.data() + least, 0, data);
    return padded;
}

size_t encode_packed(const Request& request, const Reply& reply, std::span<uint8_t> out) {
    Encoder to(out, out.size());
    dns::Header header;
    if (!put_sections(to, request, reply, header)) return 0;
    header.write(out);
    return to.size();
}

bool packed_fits(const Request& request, const Reply& reply, size_t limit) {
    return reply.packed.message.size() + opt_size(request, reply) <= limit;
}

size_t reply_size(const Request& request, const Reply& reply) {
    if (reply.is_packed()) return reply.packed.plain;
    size_t size = dns::kHeaderSize + request.name.size() + 4;
    for (const auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
        for (const auto& record : *section) size += record.owner.size() + 10 + record.rdata.size();
    }
    return size;
}

size_t encode_header_only(Bytes query, uint16_t rcode, std::span<uint8_t> out) {
    const auto asked = dns::Header::read(query);
    if (!asked) return 0;
    dns::Header header;
    header.id = asked->id;
    header.flags = static_cast<uint16_t>(dns::flag::kQr |
                                         (asked->flags & (0x7800 | dns::flag::kRd)) | (rcode & 15));
    header.write(out);
    return dns::kHeaderSize;
}

}  // namespace ipref::resolver

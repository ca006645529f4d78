// SPDX-License-Identifier: GPL-2.0-or-later
// DNS messages as they lie on the wire (RFC 1035 section 4): bounded views to read them and a
// writer with name compression, for the per-query path. No heap, no exceptions; a malformed
// message makes ok() false, once and for good. Work is bounded by the message's size: a name is
// decompressed in at most 127 labels, each pointer going backwards only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/dns/name.h"
#include "common/dns/types.h"
#include "common/wire/cursor.h"

namespace ipref::dns {

/// All in host order.
struct Header {
    uint16_t id = 0;
    uint16_t flags = 0;  ///< with opcode and rcode; see namespace flag
    uint16_t questions = 0;
    uint16_t answers = 0;
    uint16_t authorities = 0;
    uint16_t additionals = 0;

    bool has(uint16_t bit) const { return (flags & bit) != 0; }
    uint8_t opcode() const { return static_cast<uint8_t>(flags >> 11 & 15); }
    /// Without EDNS's upper bits.
    uint16_t rcode() const { return flags & 15; }
    /// Nothing if there are fewer than 12 bytes.
    static std::optional<Header> read(Bytes message);
    /// Into the first 12 bytes of `message`.
    void write(std::span<uint8_t> message) const;
};

struct Question {
    Name name;
    uint16_t type = 0;
    uint16_t klass = klass::kIn;
    friend bool operator==(const Question&, const Question&) = default;
};

enum class Section : uint8_t { answer, authority, additional };

/// A record inside a message; `rdata` points into the message and may hold compressed names.
struct RecordView {
    Section section = Section::answer;
    Name owner;
    uint16_t type = 0;
    uint16_t klass = 0;
    uint32_t ttl = 0;
    size_t owner_at = 0;  ///< offset of the owner in the message
    size_t rdata_at = 0;  ///< offset of the data in the message
    Bytes rdata;
};

/// A record that owns its data; names in `rdata` are not compressed.
struct Record {
    Name owner;
    uint16_t type = 0;
    uint16_t klass = klass::kIn;
    uint32_t ttl = 0;
    std::vector<uint8_t> rdata;
    friend bool operator==(const Record&, const Record&) = default;
};

/// What an OPT record says (RFC 6891). `options` points into the message.
struct Edns {
    uint16_t udp_size = kEdnsUdpSize;
    uint8_t extended_rcode = 0;  ///< the upper 8 bits of 12
    uint8_t version = 0;
    bool dnssec_ok = false;
    Bytes options;

    /// `record` is of type OPT.
    static Edns from(const RecordView& record);
    /// The first option with this code. Malformed options end the search.
    std::optional<Bytes> option(uint16_t code) const;
};

/// Reads a message front to back: questions, then records.
class MessageReader {
  public:
    /// `message` outlives the reader and all views it gives.
    explicit MessageReader(Bytes message);

    /// No malformation met so far.
    bool ok() const { return ok_; }
    const Header& header() const { return header_; }
    Bytes message() const { return message_; }
    /// The next question; nothing after the last one or when malformed (see ok()).
    std::optional<Question> question();
    /// The next record of any section, questions not yet read being skipped; nothing after the
    /// last one or when malformed.
    std::optional<RecordView> record();
    /// Offset of what is read next; the message's end when everything was read and nothing trails.
    size_t position() const { return at_; }
    /// ok() and every question and record was read, and nothing trails.
    bool done() const;
    /// The name at `offset` (of a record's data), decompressed; `end` of what it occupies there is
    /// given by skip_name. Nothing if malformed; ok() is not touched.
    std::optional<Name> name_at(size_t offset) const;
    /// Offset behind the name at `offset`; nothing if it runs out of the message.
    std::optional<size_t> skip_name(size_t offset) const;
    /// The record's data with names decompressed for the types where they may be compressed
    /// (RFC 1035, and RFC 3597 section 4); other types as they are. Nothing if malformed.
    std::optional<std::vector<uint8_t>> plain_rdata(const RecordView& record) const;
    /// The name that is a CNAME's, NS's, PTR's or DNAME's data. Nothing if malformed.
    std::optional<Name> rdata_name(const RecordView& record) const;

  private:
    std::optional<Name> take_name();
    void fail() { ok_ = false; }

    Bytes message_;
    Header header_;
    size_t at_ = kHeaderSize;
    bool ok_ = false;
    uint16_t questions_left_ = 0;
    uint32_t records_read_ = 0;
};

/// Writes a message into space of the caller's, never past the limit. Sections in order.
class MessageWriter {
  public:
    /// `space` is at least 12 bytes; at most 65535 of it are used.
    explicit MessageWriter(std::span<uint8_t> space);

    /// How far records may reach from now on (kept within the space): to hold room back for OPT
    /// or TSIG, and to give it free again.
    void limit(size_t bytes);
    size_t size() const { return at_; }
    const Header& header() const { return header_; }

    /// False if it does not fit: nothing was written, what was written before stands.
    bool question(const Question& question);
    /// `rdata` is uncompressed; names in NS, CNAME, PTR, MX and SOA data are compressed.
    bool record(Section section, const Name& owner, uint16_t type, uint16_t klass, uint32_t ttl,
                Bytes rdata);
    bool record(Section section, const Record& record) {
        return this->record(section, record.owner, record.type, record.klass, record.ttl,
                            record.rdata);
    }
    /// An OPT record in the additional section; `edns.options` are written as they are.
    bool edns(const Edns& edns);
    /// Takes back records, to the state in which `mark()` was called.
    struct Mark {
        size_t at;
        size_t names;
        Header header;
    };
    Mark mark() const { return {at_, names_, header_}; }
    void back_to(const Mark& mark);

    /// The message, with id and flags (opcode and rcode with them) as given and the counts right.
    std::span<uint8_t> finish(uint16_t id, uint16_t flags);

  private:
    bool put(Bytes bytes);
    bool put16(uint16_t value);
    bool put32(uint32_t value);
    bool name(const Name& name);
    bool rdata(uint16_t type, Bytes data);
    std::optional<uint16_t> find(Bytes suffix) const;

    static constexpr size_t kNames = 64;  ///< suffixes remembered for compression
    std::span<uint8_t> space_;
    size_t limit_;
    size_t at_ = kHeaderSize;
    Header header_;
    std::array<uint16_t, kNames> offsets_;  // uninitialised behind names_
    std::array<uint8_t, kNames> lengths_;   // uncompressed size of the suffix, to compare cheaply
    size_t names_ = 0;
};

/// One EDNS option, appended to `options` (code, length, data).
void append_option(std::vector<uint8_t>& options, uint16_t code, Bytes data);
/// An extended error (RFC 8914): info code and text.
void append_extended_error(std::vector<uint8_t>& options, uint16_t code, std::string_view text);

/// The least TTL of a record as RFC 2181 section 8 reads it: values with the top bit set are 0.
constexpr uint32_t sane_ttl(uint32_t ttl) {
    return ttl > 0x7fffffff ? 0 : ttl;
}

}  // namespace ipref::dns

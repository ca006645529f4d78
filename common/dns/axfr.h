// SPDX-License-Identifier: GPL-2.0-or-later
// Zone transfers: a whole zone (AXFR, RFC 5936), or what has changed since a serial (IXFR,
// RFC 1995). What becomes of the records is the caller's.
#pragma once

#include <functional>

#include "common/dns/answer_stream.h"

namespace ipref::dns {

class AxfrStream : public AnswerStream {
  public:
    struct Takers {
        /// Each record of class IN in the zone, the opening SOA first; the text of an error ends
        /// the transfer.
        std::function<tl::expected<void, std::string>(const MessageReader&, const RecordView&)>
            record;
        /// A record that is passed over, and why. May be empty.
        std::function<void(std::string)> skipped;
    };
    AxfrStream(const Name& zone, uint16_t id, Takers takers)
        : AxfrStream(Question{zone, rr::kAxfr, klass::kIn}, id, std::move(takers)) {}

    /// Of the opening SOA.
    uint32_t serial() const { return serial_; }
    size_t records() const { return records_; }

  protected:
    AxfrStream(Question asked, uint16_t id, Takers takers)
        : AnswerStream(asked, id), takers_(std::move(takers)) {}
    TransferStep record(const MessageReader& reader, const RecordView& view) override;
    /// The first message has the SOA at least (RFC 5936 section 2.2).
    TransferStep message_ended() override;
    /// Records are read as those of a whole zone.
    TransferStep zone_record(const MessageReader& reader, const RecordView& view);
    /// Whether it can be a record of the zone; if not, `skipped` was told.
    bool in_zone(const RecordView& view) const;
    const std::vector<uint8_t>& first_soa() const { return first_soa_; }

  private:
    TransferStep soa(const MessageReader& reader, const RecordView& view);
    TransferStep take(const MessageReader& reader, const RecordView& view);
    void skip(std::string text) const;

    Takers takers_;
    std::vector<uint8_t> first_soa_;
    bool begun_ = false;
    uint32_t serial_ = 0;
    size_t records_ = 0;
};

/// The differences from one serial, or the whole zone where the server gives that.
class IxfrStream : public AxfrStream {
  public:
    enum class Kind : uint8_t { unchanged, differences, whole };
    using Change = std::function<tl::expected<void, std::string>(bool add, const MessageReader&,
                                                                 const RecordView&)>;
    /// `change` takes the records of differences in order, without the SOAs; `whole` those of a
    /// whole zone, and in any case the opening SOA.
    IxfrStream(const Name& zone, uint16_t id, uint32_t have, Change change, Takers whole)
        : AxfrStream(Question{zone, rr::kIxfr, klass::kIn}, id, std::move(whole)),
          have_(have),
          change_(std::move(change)) {}

    /// When done.
    Kind kind() const { return kind_; }

  protected:
    TransferStep record(const MessageReader& reader, const RecordView& view) override;
    TransferStep message_ended() override;
    void complete(MessageWriter& writer) const override;

  private:
    enum class State : uint8_t { begin, decide, removing, adding, whole };
    TransferStep decide(const MessageReader& reader, const RecordView& view);
    TransferStep difference(const MessageReader& reader, const RecordView& view);
    TransferStep boundary(const MessageReader& reader, const RecordView& view);
    bool is_soa(const RecordView& view) const;

    uint32_t have_;
    Change change_;
    State state_ = State::begin;
    Kind kind_ = Kind::unchanged;
    uint32_t reached_ = 0;  ///< the serial whose differences are being read
};

}  // namespace ipref::dns

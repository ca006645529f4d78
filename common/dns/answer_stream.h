// SPDX-License-Identifier: GPL-2.0-or-later
// One question over TCP and the messages that answer it, as bytes: framing, what must be true of
// each message, signatures. What the records mean is for those who derive: a zone transfer
// (common/dns/axfr.h), a SOA. No I/O. Memory is bounded: one message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/soa.h"
#include "common/dns/tsig.h"
#include "common/dns/wire_message.h"

namespace ipref::dns {

struct TransferError {
    /// NXDOMAIN or NOTAUTH: the server has no such zone. Never without a signature, if asked with
    /// one.
    bool gone = false;
    std::string text;
    bool answered = false;  ///< the server spoke DNS, so another kind of question may do better
    enum class Limit : uint8_t { none, bytes, silence, whole };
    Limit limit = Limit::none;  ///< which of TransferLimits was met
};
using TransferStep = tl::expected<void, TransferError>;

class AnswerStream {
  public:
    virtual ~AnswerStream() = default;
    AnswerStream(const AnswerStream&) = delete;
    AnswerStream& operator=(const AnswerStream&) = delete;

    /// Before query(): signs it, and wants the answers signed.
    void sign_with(const TsigKey& key);
    /// The query with its two bytes of length in front, as it goes over TCP; once.
    std::vector<uint8_t> query();
    /// Takes what came, in pieces of any size. An error is final.
    TransferStep feed(Bytes bytes);
    /// The answer is whole; nothing more may come.
    bool done() const { return done_; }
    /// What a connection that ends now means.
    TransferError cut_short() const;

  protected:
    AnswerStream(Question asked, uint16_t id) : asked_(asked), id_(id) {}

    /// An error of this stream: the server has answered.
    template <typename... Args>
    static tl::unexpected<TransferError> broken(fmt::format_string<Args...> format,
                                                Args&&... args) {
        return tl::unexpected(
            TransferError{false, fmt::format(format, std::forward<Args>(args)...), true});
    }
    /// Each record of the answer section, in order.
    virtual TransferStep record(const MessageReader& reader, const RecordView& view) = 0;
    /// After a message's last record.
    virtual TransferStep message_ended() { return {}; }
    /// What stands in the query behind the question.
    virtual void complete(MessageWriter&) const {}

    const Name& zone() const { return asked_.name; }
    void set_done() { done_ = true; }

  private:
    TransferStep message(Bytes bytes);
    TransferStep check_signature(Bytes bytes);
    TransferStep check_header(MessageReader& reader) const;

    Question asked_;
    uint16_t id_;
    std::optional<TsigSession> session_;
    std::vector<uint8_t> pending_;  ///< a message that has not come as a whole
    uint64_t bytes_ = 0;
    size_t messages_ = 0;
    bool done_ = false;
};

/// Whether serial `a` is newer than `b` (RFC 1982).
constexpr bool newer_serial(uint32_t a, uint32_t b) {
    return a != b && a - b < 0x80000000u;
}

/// Asks for a zone's SOA.
class SoaStream : public AnswerStream {
  public:
    SoaStream(const Name& zone, uint16_t id) : AnswerStream({zone, rr::kSoa, klass::kIn}, id) {}
    /// When done.
    uint32_t serial() const { return serial_; }

  protected:
    TransferStep record(const MessageReader& reader, const RecordView& view) override;
    TransferStep message_ended() override;

  private:
    bool found_ = false;
    uint32_t serial_ = 0;
};

}  // namespace ipref::dns

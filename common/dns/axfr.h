// SPDX-License-Identifier: GPL-2.0-or-later
// A zone transfer as bytes over TCP: the query, and the stream of answers (RFC 5936). No I/O; what
// becomes of the records is the caller's. Memory is bounded: one message.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"

namespace ipref::dns {

struct TransferError {
    bool gone = false;  ///< NXDOMAIN or NOTAUTH: the server has no such zone
    std::string text;
};
using TransferStep = tl::expected<void, TransferError>;

class AxfrStream {
  public:
    static constexpr uint64_t kMostBytes = 256u << 20;

    struct Takers {
        /// Each record of class IN in the zone, the opening SOA first; the text of an error ends
        /// the transfer.
        std::function<tl::expected<void, std::string>(const MessageReader&, const RecordView&)>
            record;
        /// A record that is passed over, and why. May be empty.
        std::function<void(std::string)> skipped;
        /// A message before its records are read, for signatures; the text of an error ends the
        /// transfer. Null: nothing is checked.
        std::function<tl::expected<void, std::string>(Bytes message)> message;
    };
    AxfrStream(const Name& zone, uint16_t id, Takers takers)
        : zone_(zone), id_(id), takers_(std::move(takers)) {}

    /// The query with its two bytes of length in front, as it goes over TCP.
    std::vector<uint8_t> query() const;
    /// Takes what came, in pieces of any size. An error is final.
    TransferStep feed(Bytes bytes);
    /// The closing SOA has come; nothing more may come.
    bool done() const { return done_; }
    /// Of the opening SOA.
    uint32_t serial() const { return serial_; }
    size_t records() const { return records_; }
    /// What a connection that ends now means.
    TransferError cut_short() const;

  private:
    TransferStep message(Bytes bytes);
    TransferStep check_header(MessageReader& reader) const;
    TransferStep record(const MessageReader& reader, const RecordView& view);
    TransferStep soa(const MessageReader& reader, const RecordView& view);
    TransferStep take(const MessageReader& reader, const RecordView& view);
    void skip(std::string text) const;

    Name zone_;
    uint16_t id_;
    Takers takers_;
    std::vector<uint8_t> pending_;  ///< a message that has not come as a whole
    uint64_t bytes_ = 0;
    std::vector<uint8_t> first_soa_;
    bool begun_ = false;
    bool done_ = false;
    uint32_t serial_ = 0;
    size_t records_ = 0;
};

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
// A zone transfer as bytes over TCP: the query, and the stream of answers (RFC 5936). No I/O.
// Only AA records are kept. Memory is bounded: one message, and kMostEntries entries.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/wire_message.h"
#include "dns-agent/zone.h"

namespace ipref::agent {

inline constexpr uint64_t kMostZoneBytes = 256u << 20;
inline constexpr size_t kMostEntries = 1'000'000;
inline constexpr size_t kMostWarnings = 20;  ///< kept of one zone

struct TransferError {
    bool gone = false;  ///< NXDOMAIN or NOTAUTH: the server has no such zone
    std::string text;
};

using TransferResult = tl::expected<Zone, TransferError>;

class AxfrStream {
  public:
    AxfrStream(const dns::Name& zone, uint16_t id) : zone_(zone), id_(id) {}

    /// The query with its two bytes of length in front, as it goes over TCP.
    std::vector<uint8_t> query() const;
    /// Takes what came, in pieces of any size. An error is final.
    tl::expected<void, TransferError> feed(dns::Bytes bytes);
    /// The closing SOA has come; nothing more may come.
    bool done() const { return done_; }
    /// Once, when done.
    Zone take();
    /// What a connection that ends now means.
    TransferError cut_short() const;

  private:
    tl::expected<void, TransferError> message(dns::Bytes bytes);
    tl::expected<void, TransferError> check_header(dns::MessageReader& reader) const;
    tl::expected<void, TransferError> record(const dns::MessageReader& reader,
                                             const dns::RecordView& view);
    tl::expected<void, TransferError> soa(const dns::MessageReader& reader,
                                          const dns::RecordView& view);
    tl::expected<void, TransferError> txt(const dns::RecordView& view);
    void warn(std::string text);

    dns::Name zone_;
    uint16_t id_;
    std::vector<uint8_t> pending_;  ///< a message that has not come as a whole
    uint64_t bytes_ = 0;
    std::vector<uint8_t> first_soa_;
    bool begun_ = false;
    bool done_ = false;
    Zone result_;
};

}  // namespace ipref::agent

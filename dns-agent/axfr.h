// SPDX-License-Identifier: GPL-2.0-or-later
// The AA records of a zone, out of its transfer (common/dns/axfr.h). Memory is bounded: one
// message, and kMostEntries entries.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/axfr.h"
#include "dns-agent/zone.h"

namespace ipref::agent {

inline constexpr uint64_t kMostZoneBytes = dns::AxfrStream::kMostBytes;
inline constexpr size_t kMostEntries = 1'000'000;
inline constexpr size_t kMostWarnings = 20;  ///< kept of one zone

using TransferError = dns::TransferError;
using TransferResult = tl::expected<Zone, TransferError>;

class AxfrStream {
  public:
    AxfrStream(const dns::Name& zone, uint16_t id);
    AxfrStream(const AxfrStream&) = delete;
    AxfrStream& operator=(const AxfrStream&) = delete;

    /// The query with its two bytes of length in front, as it goes over TCP.
    std::vector<uint8_t> query() const { return stream_.query(); }
    /// Takes what came, in pieces of any size. An error is final.
    tl::expected<void, TransferError> feed(dns::Bytes bytes) { return stream_.feed(bytes); }
    /// The closing SOA has come; nothing more may come.
    bool done() const { return stream_.done(); }
    /// Once, when done.
    Zone take();
    dns::AxfrStream& bytes() { return stream_; }
    /// What a connection that ends now means.
    TransferError cut_short() const { return stream_.cut_short(); }

  private:
    tl::expected<void, std::string> txt(const dns::RecordView& view);
    void warn(std::string text);

    Zone result_;
    dns::AxfrStream stream_;
};

}  // namespace ipref::agent

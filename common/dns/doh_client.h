// SPDX-License-Identifier: GPL-2.0-or-later
// The client's end of DNS over HTTPS (RFC 8484) as bytes in and bytes out: one connection of
// HTTP/2 (RFC 9113, by nghttp2), one query at a time. TLS and the socket are the caller's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/dns/types.h"
#include "common/dns/wire_message.h"
#include "common/result.h"

namespace ipref::dns {

/// Where queries go: "https://AUTHORITY/PATH".
struct DohTarget {
    std::string authority;  ///< "dns.example", "dns.example:8443", "192.0.2.1"
    std::string path;       ///< "/dns-query"
};

class DohClient {
  public:
    explicit DohClient(DohTarget target);
    ~DohClient();
    DohClient(const DohClient&) = delete;
    DohClient& operator=(const DohClient&) = delete;

    /// Posts a query; a former one has been answered. False: the server takes no more on this
    /// connection.
    bool ask(Bytes query);
    /// What came from the server. Errors: it does not speak HTTP/2, or answers with another status
    /// than 200, something that is no DNS message, or too much.
    Result<void> received(Bytes bytes);
    /// The answer to the query, once, when it is whole.
    std::optional<std::vector<uint8_t>> take_answer();
    /// What is to be sent.
    std::vector<uint8_t> take_out();
    /// The server says that it will take no more queries on this connection.
    bool ended() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
// What a look-up found, taken out of the message that answered it.
#pragma once

#include <optional>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/net/ip.h"
#include "common/result.h"

namespace ipref::dns {

/// No record and rcode NOERROR: the name exists without records of that type.
struct Answer {
    uint16_t rcode = rcode::kNoError;  ///< NOERROR or NXDOMAIN; everything else is an Error
    bool authenticated = false;        ///< AD: the server vouches for DNSSEC (RFC 4035)
    std::vector<Record> chain;         ///< the CNAMEs that led there, in order
    std::vector<Record> records;       ///< of the type asked for, owned by the chain's end
    /// The least TTL of all of them, seconds; 0 if there are none.
    uint32_t ttl = 0;
    /// No records: how many seconds that holds (RFC 2308 section 5): the TTL or the last number of
    /// the SOA, or the chain's TTL if that is less. Nothing if there is no SOA of a zone that
    /// holds the chain's end: then it holds for nobody but the one who asked.
    std::optional<uint32_t> denied_for;

    /// The addresses of A and AAAA records.
    std::vector<net::Ip> ips() const;
};

constexpr size_t kMaxChain = 16;

/// Takes a whole answer message apart. Errors: malformed, not an answer, another question, an
/// rcode other than NOERROR and NXDOMAIN, more than kMaxChain CNAMEs or a loop of them.
/// `name` and `type`: what was asked, class IN.
Result<Answer> parse_answer(Bytes message, const Name& name, uint16_t type);

}  // namespace ipref::dns

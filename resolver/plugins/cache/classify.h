// SPDX-License-Identifier: GPL-2.0-or-later
// What an answer is to a cache, and for how long. Source: RFC 2308 (what does not exist), RFC 2181
// section 5.4 and 8, spec page "ipref-coredns", 2.2.
#pragma once

#include "resolver/server/message.h"

namespace ipref::resolver::cache {

enum class Class : uint8_t {
    nothing,   ///< not to be kept: cut, REFUSED, a denial without SOA, an odd type
    success,   ///< data, an alias, a delegation
    denial,    ///< the name or the data does not exist, with the SOA that says for how long
    failure,   ///< SERVFAIL, NOTIMP
    stranger,  ///< not to be kept: its answer section does not belong to the question
};

struct Verdict {
    Class what = Class::nothing;
    uint32_t ttl = 0;  ///< the least of the records'; for a denial also the SOA's minimum
};

Verdict classify(const Request& request, const Reply& reply);

/// Whether the answer section leads from the question's name, over aliases, to data of its type.
bool answers(const Request& request, const Reply& reply);

/// Whether a question may have its answer in a cache at all: not for transfers and other
/// questions that are no look-up, nor with a client's subnet in it (RFC 7871: its answer may be
/// for that subnet only).
bool is_for_cache(const Request& request);

/// Records that only clients with DO are given (RFC 4035 section 3.1).
bool is_dnssec_type(uint16_t type);
bool has_dnssec(const Reply& reply, uint16_t asked);
/// Takes out such records, unless they were asked for.
void strip_dnssec(Reply& reply, uint16_t asked);

}  // namespace ipref::resolver::cache

// SPDX-License-Identifier: GPL-2.0-or-later
// A message from a client to a Request, or to the reason why there is none. The checks and their
// order: spec page "ipref-coredns", 2.4, 4.
#pragma once

#include "resolver/server/message.h"

namespace ipref::resolver {

struct ParsedRequest {
    enum class Verdict : uint8_t {
        ask,      ///< `request` is whole
        silence,  ///< shorter than a header, or a response: nothing is answered
        header,   ///< answer with `rcode` and nothing but a header: the question could not be read
        refuse,   ///< answer with `rcode`; the request's question and EDNS are whole
    };
    Verdict verdict = Verdict::silence;
    uint16_t rcode = dns::rcode::kNoError;
};

/// `message` and what `request` points into stay with the caller. Fills id, flags, name, type,
/// class and EDNS; client, local and proto are left alone.
/// Checks: opcode (NOTIMP), counts of sections, malformed, more than one OPT, bad options
/// (FORMERR). Class and EDNS version are left to the server, which knows the blocks.
ParsedRequest parse_request(Bytes message, Request& request);

/// How much a client takes: its EDNS size, not less than 512; 512 without; 65535 over streams.
size_t reply_limit(const Request& request);

}  // namespace ipref::resolver

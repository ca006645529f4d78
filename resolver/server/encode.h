// SPDX-License-Identifier: GPL-2.0-or-later
// Answers to bytes: header, question, records with names compressed (RFC 1035 section 4.1.4, in
// owners and in the data of the types where RFC 3597 section 4 allows it), OPT, and the cut to what
// the client takes.
#pragma once

#include <span>

#include "resolver/server/message.h"

namespace ipref::resolver {

/// Writes the answer into `out`, at most `limit` bytes of it (512 or more, or enough for
/// question and OPT), and returns its size. Records that do not fit are left out and TC is set;
/// additional records go first. A packed reply must fit: see packed_fits().
size_t encode_reply(const Request& request, const Reply& reply, size_t limit,
                    std::span<uint8_t> out);

/// Pads a message of encode_reply(), `size` bytes in `out`, to a multiple of `block` (RFC 7830: an
/// option at the end of OPT, zeros). The new size; as it was without OPT or room.
size_t pad_reply(const Request& request, const Reply& reply, size_t size, size_t block,
                 std::span<uint8_t> out);

/// The reply as it is packed: whole, with the question as asked, without OPT. Its size; 0 if it is
/// larger than `out`.
size_t encode_packed(const Request& request, const Reply& reply, std::span<uint8_t> out);
/// Whether a packed reply is within `limit` with its OPT.
bool packed_fits(const Request& request, const Reply& reply, size_t limit);

/// How large the reply is uncut, without compression of names: for the size in log lines.
size_t reply_size(const Request& request, const Reply& reply);

/// An answer of nothing but a header, for messages whose question could not be read: id, opcode and
/// RD of the 12 bytes of `query`'s header.
size_t encode_header_only(Bytes query, uint16_t rcode, std::span<uint8_t> out);

}  // namespace ipref::resolver

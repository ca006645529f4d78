// SPDX-License-Identifier: GPL-2.0-or-later
// What is taken out of an upstream's answer: records that nobody asked for, with which it could
// speak for names that are not its own, and addresses with which a name of the Internet leads
// a browser into the network of its user.
#pragma once

#include "resolver/server/message.h"

namespace ipref::resolver::forward {

/// Leaves what belongs to the question, and returns how many records that did not: in the answer
/// those of the name asked for and of the aliases that lead on from it; in the authority section
/// SOA, NS and DS of zones that hold these names, and proofs of denial; in the additional section
/// those of names that the others mention. NS and additional records are `zone`'s only, of which
/// the upstream may speak.
size_t drop_foreign(Reply& reply, const Request& request, const Name& zone);

/// Takes out A and AAAA records, and SVCB and HTTPS records with hints, whose addresses are those
/// of private networks, this machine, or nobody; how many.
size_t drop_private(Reply& reply);

}  // namespace ipref::resolver::forward

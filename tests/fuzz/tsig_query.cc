// SPDX-License-Identifier: GPL-2.0-or-later
// Signatures of strangers: no message but those that were signed here passes, and what is answered
// reads back.
#include <cstdlib>

#include "common/dns/tsig.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    using namespace ipref::dns;
    const Bytes message(bytes, size);
    const auto found = find_tsig(message);
    if (!found || !*found) return 0;
    const TsigKey key{(*found)->key,
                      tsig_algorithm((*found)->algorithm).value_or(TsigAlgorithm::sha256),
                      std::vector<uint8_t>(32, 'f')};
    TsigSession session(key);
    if (session.verify(message, (*found)->time)) std::abort();
    const auto plain = message.first((*found)->at);
    const auto refusal = with_tsig_error(plain, **found, tsig_error::kBadSig);
    const auto again = find_tsig(refusal);
    if (again && *again && (*again)->error != tsig_error::kBadSig) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/query.h"

#include <array>

namespace ipref::dns {

std::vector<uint8_t> make_query(const Question& question, const QueryOptions& options) {
    std::array<uint8_t, kPlainUdpSize> space;
    MessageWriter writer(space);
    writer.question(question);
    if (options.edns) {
        Edns edns;
        edns.dnssec_ok = options.dnssec_ok;
        writer.edns(edns);
    }
    const auto message = writer.finish(0, options.flags);
    return {message.begin(), message.end()};
}

}  // namespace ipref::dns

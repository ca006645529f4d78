// SPDX-License-Identifier: GPL-2.0-or-later
// A question as a message, for whoever asks servers by dns::Upstream.
#pragma once

#include <cstdint>
#include <vector>

#include "common/dns/wire_message.h"

namespace ipref::dns {

struct QueryOptions {
    uint16_t flags = flag::kRd;  ///< of the header
    bool edns = true;            ///< off for servers that do not know it
    bool dnssec_ok = false;      ///< signatures are wanted (DO); counts with EDNS
};

/// Id 0: Upstream gives each query one of its own.
std::vector<uint8_t> make_query(const Question& question, const QueryOptions& options = {});

}  // namespace ipref::dns

// SPDX-License-Identifier: GPL-2.0-or-later
// What plugin ipref found out about one question.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/dns/wire_message.h"
#include "common/net/ip.h"

namespace ipref::resolver::aa {

struct Outcome {
    enum class Kind : uint8_t {
        addresses,  ///< at least one
        nodata,     ///< the name has AA records, the question was for the other family
        no_aa,      ///< no AA record: somebody else's question
        failed,     ///< not known, or cannot be mapped now
    };
    Kind kind = Kind::failed;
    std::vector<dns::Record> chain;  ///< CNAMEs on the way, TTLs capped
    dns::Name owner;                 ///< of the addresses: the name, or the chain's end
    std::vector<net::Ip> addresses;  ///< each once
    uint32_t ttl = 0;                ///< of the addresses; of all of it where there are none
    uint16_t info_code = 0;          ///< failed: the extended error (RFC 8914)
    std::string why;                 ///< failed: a sentence
};

}  // namespace ipref::resolver::aa

// SPDX-License-Identifier: GPL-2.0-or-later
// TSIG keys in BIND's form, as tsig-keygen writes them:
//
//     key "transfer.example." {
//         algorithm hmac-sha256;
//         secret "base64==";
//     };
//
// Comments are those of named.conf: //, # and /* */.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/dns/name.h"

namespace ipref::resolver {

struct TsigSecret {
    dns::Name name;
    std::vector<uint8_t> secret;
};

/// The text of a key file. Algorithms must be known but are not kept: a query says which it uses.
/// The error says the line.
Result<std::vector<TsigSecret>> parse_key_file(std::string_view text);

}  // namespace ipref::resolver

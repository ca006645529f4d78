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

#include "common/dns/tsig.h"

namespace ipref::resolver {

/// The text of a key file; where a key has no algorithm it is HMAC-SHA256. The error says the line.
Result<std::vector<dns::TsigKey>> parse_key_file(std::string_view text);

}  // namespace ipref::resolver

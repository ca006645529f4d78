// SPDX-License-Identifier: GPL-2.0-or-later
// Zone files (RFC 1035 section 5, RFC 2308 $TTL, RFC 3597, BIND's $GENERATE) to a zone. Lines,
// parentheses, directives and positions are ours; the data of a record is read by ldns.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/plugins/file/zone.h"

namespace ipref::resolver {

struct ZoneText {
    std::shared_ptr<const Zone> zone;
    std::vector<std::string> warnings;
};

/// Reads the text of a file that $INCLUDE names.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

/// `file` is for error messages ("db.example:4:12: ...") and as base of $INCLUDE. Errors name file,
/// line and column of the record. Limits: $INCLUDE 10 deep, $GENERATE 65,536 records each.
Result<ZoneText> read_zone(std::string_view text, const std::string& file, const Name& origin,
                           const ReadFile& read);

}  // namespace ipref::resolver

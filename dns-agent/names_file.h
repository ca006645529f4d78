// SPDX-License-Identifier: GPL-2.0-or-later
// The names that are asked for where a zone cannot be transferred, in a file (-names), one a line:
// "web" is a name of every zone, "web.example.com." (with a dot at the end) of example.com alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/dns/name.h"
#include "common/result.h"

namespace ipref::agent {

inline constexpr size_t kMostNameBytes = 16u << 20;  ///< of the file
inline constexpr size_t kMostNames = 200'000;        ///< that are asked for, of one zone

/// Those below `zone`. The error names the line.
Result<std::vector<dns::Name>> parse_names(std::string_view text, const dns::Name& zone);

/// The same of a file; the error names it.
Result<std::vector<dns::Name>> read_names(const std::string& path, const dns::Name& zone);

}  // namespace ipref::agent

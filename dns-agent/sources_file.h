// SPDX-License-Identifier: GPL-2.0-or-later
// Sources in a file, one a line, as on the command line. `#` begins a comment, empty lines count
// for nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns-agent/source.h"

namespace ipref::agent {

inline constexpr size_t kMostSourceBytes = 1u << 20;  ///< of the file

/// Adds the sources of the text to others. The error names the line and the source on it; `sources`
/// is then half done.
Result<void> parse_source_lines(std::string_view text, std::vector<Source>& sources);

/// `others` and what the file holds. The error names the file.
Result<std::vector<Source>> with_sources_file(std::vector<Source> others, const std::string& path);

}  // namespace ipref::agent

// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns-agent/sources_file.h"

#include "dns-agent/text_file.h"

namespace ipref::agent {

Result<void> parse_source_lines(std::string_view text, std::vector<Source>& sources) {
    return for_each_line(text, [&](std::string_view line) { return add_source(line, sources); });
}

Result<std::vector<Source>> with_sources_file(std::vector<Source> others, const std::string& path) {
    const auto text = read_text_file(path, kMostSourceBytes);
    if (!text) return fail("sources file {} {}", path, text.error().text);
    if (auto parsed = parse_source_lines(*text, others); !parsed) {
        return fail("sources file {}, {}", path, parsed.error().text);
    }
    return others;
}

}  // namespace ipref::agent

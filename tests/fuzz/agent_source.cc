// SPDX-License-Identifier: GPL-2.0-or-later
// Source text of the agent: what parses prints as text that parses to the same source. As lines of
// a file, too.
#include <cstdlib>
#include <string>

#include "dns-agent/sources_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref::agent;
    const std::string_view given(reinterpret_cast<const char*>(data), size);
    std::vector<Source> lines;
    if (parse_source_lines(given, lines) && lines.size() > size) std::abort();
    const auto source = parse_source(given);
    if (!source) return 0;
    auto text = source->local.str() + ":" + source->public_zone.str();
    char separator = ':';
    for (const auto& server : source->servers) {
        text += separator + server.str();
        separator = ',';
    }
    const auto again = parse_source(text);
    if (!again || again->servers != source->servers || again->str() != source->str()) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The file of names for SERVER/query: each name is in the zone, and written out reads the same.
#include <cstdlib>
#include <string>

#include "dns-agent/names_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto zone = dns::Name::parse("example.com").value();
    const auto names = agent::parse_names(text, zone);
    if (!names) return 0;
    if (names->size() > size) std::abort();
    std::string written;
    for (const auto& one : *names) {
        if (!one.is_under(zone) || one == zone) std::abort();
        written += one.str() + "\n";
    }
    // Escapes may hold what ends a line or begins a comment: those do not come back.
    if (written.find_first_of("# \t\r") != std::string::npos) return 0;
    const auto again = agent::parse_names(written, zone);
    if (!again || *again != *names) std::abort();
    return 0;
}

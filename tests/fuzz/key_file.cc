// SPDX-License-Identifier: GPL-2.0-or-later
// Key files of plugin tsig: what is read has a name and a secret.
#include "resolver/plugins/tsig/key_file.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    const auto keys = ipref::resolver::parse_key_file(
        std::string_view(reinterpret_cast<const char*>(bytes), size));
    if (!keys) return 0;
    for (const auto& key : *keys) {
        if (key.secret.empty()) std::abort();
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// TXT data: what parses as an AA record prints as text that parses to the same one.
#include "common/dns/aa.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    for (const auto& aa : ipref::dns::aa_of_txt({data, size}).good) {
        const auto again = ipref::dns::parse_aa(aa.str());
        if (!again || *again != aa) std::abort();
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto aa = ipref::dns::parse_aa(text);
    if (aa && ipref::dns::parse_aa(aa->str()) != *aa) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reference text: what parses prints as text that parses to the same value.
#include <cstdlib>
#include <string_view>

#include "common/net/ref.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto ref = ipref::net::Ref::parse({reinterpret_cast<const char*>(data), size});
    if (ref && ipref::net::Ref::parse(ref->str()) != *ref) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// V1 packets: what parses is written as bytes that parse to the same packet.
#include "common/wire/mapper_v1.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref::wire;
    const auto packet = parse_v1({data, size});
    if (!packet) return 0;
    const auto bytes = build_v1(*packet);
    if (!bytes || bytes->size() != size) std::abort();
    const auto again = parse_v1(*bytes);
    if (!again || !(*again == *packet)) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Super-packets cut up, compared with whole packets made by the book. Input: two bytes of segment
// size, one that adds to the payload, then the super-packet.
#include <cstdio>
#include <cstdlib>

#include "unit/gw/datapath/offload/check.h"

using namespace ipref;
using namespace ipref::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3 || size > 1024) return 0;
    const size_t segment_size = get16({data, size}, 0);
    ByteVector packet(data + 3, data + size);
    packet.resize(packet.size() + data[2] * 300u, data[2]);
    // Thousands of segments tell no more than a few hundred.
    if (packet.size() > 4096 && segment_size < 256) return 0;
    if (const auto wrong = check_segmenter(packet, segment_size)) {
        std::fprintf(stderr, "%s\n", wrong->c_str());
        std::abort();
    }
    return 0;
}

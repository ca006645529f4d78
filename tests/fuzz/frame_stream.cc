// SPDX-License-Identifier: GPL-2.0-or-later
// What a collector of plugin dnstap may send, in pieces: nothing is kept beyond a control frame,
// and the stream starts once.
#include "resolver/plugins/dnstap/frame_stream.h"

#include <algorithm>
#include <cstdlib>

using namespace ipref::resolver::dnstap;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const size_t piece = data[0] + 1U;
    const Bytes input(data + 1, size - 1);
    FrameStream stream("protobuf:dnstap.Dnstap");
    size_t starts = 0;
    for (size_t at = 0; at < input.size(); at += piece) {
        const auto answer = stream.received(input.subspan(at, std::min(piece, input.size() - at)));
        if (!answer) break;
        if (!answer->empty()) starts++;
        if (starts > 1 || (starts == 1) != stream.started()) std::abort();
    }
    return 0;
}

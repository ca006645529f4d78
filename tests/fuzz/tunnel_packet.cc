// SPDX-License-Identifier: GPL-2.0-or-later
// IPREF headers: what parses is built again to bytes that parse to the same, never longer.
#include "common/wire/tunnel_packet.h"

#include <array>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace ipref::wire;
    const auto parsed = parse_tunnel_header({data, size});
    if (!parsed) return 0;
    std::array<uint8_t, kMaxTunnelHeader> space;
    const size_t built = build_tunnel_header(parsed->header, space);
    if (built == 0 || built > parsed->size || built != parsed->header.size()) std::abort();
    const auto again = parse_tunnel_header(Bytes(space).first(built));
    if (!again || again->header != parsed->header || again->size != built) std::abort();
    // The shortest form has one spelling.
    if (built == parsed->size && !std::equal(data, data + built, space.begin())) std::abort();
    return 0;
}

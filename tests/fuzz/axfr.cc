// SPDX-License-Identifier: GPL-2.0-or-later
// A zone transfer's stream. The first byte says in what pieces it comes: the outcome is the same.
#include "dns-agent/axfr.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace {

using namespace ipref;

std::optional<agent::Zone> transfer(dns::Bytes bytes, size_t piece) {
    agent::AxfrStream stream(dns::Name::parse("example.com").value(), 7);
    while (!bytes.empty()) {
        const auto next = bytes.first(std::min(piece, bytes.size()));
        bytes = bytes.subspan(next.size());
        if (!stream.feed(next)) return std::nullopt;
    }
    if (!stream.done()) return std::nullopt;
    return stream.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const ipref::dns::Bytes bytes(data + 1, size - 1);
    const auto whole = transfer(bytes, bytes.size());
    const auto pieces = transfer(bytes, size_t{data[0]} + 1);
    if (whole.has_value() != pieces.has_value()) std::abort();
    if (whole && whole->entries != pieces->entries) std::abort();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The stream of a zone transfer (first byte even) or of differences (odd). The first byte says in
// what pieces it comes, too: the outcome is the same.
#include "dns-agent/zone_stream.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace {

using namespace ipref;

/// What the differences apply to.
std::shared_ptr<const agent::Zone> before() {
    const auto name = dns::Name::parse("example.com").value();
    agent::ZoneBuilder builder(name, nullptr);
    const std::string text =
        "\x16"
        "AA gw.example.com + 25";
    const dns::Bytes rdata(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    if (!builder.add(dns::Name::parse("web.example.com").value(), dns::rr::kTxt, rdata)) {
        std::abort();
    }
    return builder.finish(7, false);
}

std::shared_ptr<const agent::Zone> transfer(dns::Bytes bytes, size_t piece, bool differences) {
    agent::ZoneStream stream(dns::Name::parse("example.com").value(), 7,
                             differences ? before() : nullptr);
    while (!bytes.empty()) {
        const auto next = bytes.first(std::min(piece, bytes.size()));
        bytes = bytes.subspan(next.size());
        if (!stream.answers().feed(next)) return nullptr;
    }
    return stream.answers().done() ? stream.take() : nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const ipref::dns::Bytes bytes(data + 1, size - 1);
    const bool differences = data[0] % 2 != 0;
    const auto whole = transfer(bytes, bytes.size(), differences);
    const auto pieces = transfer(bytes, size_t{data[0]} + 1, differences);
    if ((whole == nullptr) != (pieces == nullptr)) std::abort();
    if (whole && whole->entries != pieces->entries) std::abort();
    return 0;
}

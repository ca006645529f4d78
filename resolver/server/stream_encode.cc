// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/stream_encode.h"

#include <algorithm>

#include "common/dns/wire_message.h"
#include "resolver/server/encode.h"

namespace ipref::resolver {

namespace {

constexpr size_t kPaddingBlock = 468;

bool asks_for(const Request& request, uint16_t option) {
    return request.edns.present &&
           dns::Edns{.options = request.edns.options}.option(option).has_value();
}

void add_keepalive(Query& q, std::chrono::milliseconds idle) {
    const auto tenths = std::min<int64_t>(idle.count() / 100, 65535);
    const uint8_t bytes[] = {static_cast<uint8_t>(tenths >> 8), static_cast<uint8_t>(tenths)};
    q.reply.options.push_back({dns::option::kKeepalive, q.arena().copy(bytes)});
}

}  // namespace

size_t encode_for_stream(Query& q, const StreamTraits& traits, std::span<uint8_t> out) {
    if (q.header_only()) return encode_header_only(q.request.wire, q.reply.rcode, out);
    if (traits.idle && asks_for(q.request, dns::option::kKeepalive)) {
        add_keepalive(q, *traits.idle);
    }
    const auto size = encode_reply(q.request, q.reply, q.limit(), out);
    const bool padded = traits.tls && asks_for(q.request, dns::option::kPadding);
    return q.sign(padded ? pad_reply(q.request, q.reply, size, kPaddingBlock, out) : size, out);
}

}  // namespace ipref::resolver

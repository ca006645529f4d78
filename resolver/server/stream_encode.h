// SPDX-License-Identifier: GPL-2.0-or-later
// Answers for streams: as encode.h makes them, with what EDNS has for streams, where the client
// asks for it.
#pragma once

#include <optional>

#include "resolver/server/query.h"

namespace ipref::resolver {

struct StreamTraits {
    /// Encrypted: the size is hidden by padding (RFC 7830) to multiples of 468 bytes (RFC 8467).
    bool tls = false;
    /// How long the connection may be idle (RFC 7828); nothing over HTTPS, which has its own ways.
    std::optional<std::chrono::milliseconds> idle;
};

/// The size of the message in `out`, which has room for the largest one.
size_t encode_for_stream(Query& q, const StreamTraits& traits, std::span<uint8_t> out);

}  // namespace ipref::resolver

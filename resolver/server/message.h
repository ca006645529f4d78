// SPDX-License-Identifier: GPL-2.0-or-later
// A question as plugins see it, and the answer they put together. Records are spans into memory
// that somebody keeps: the query's arena, or a zone that the query has pinned.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/dns/name.h"
#include "common/dns/types.h"
#include "common/net/ip.h"

namespace ipref::resolver {

using dns::Bytes;
using dns::Name;

enum class Proto : uint8_t { udp, tcp, tls, https, internal };

/// The client's OPT record (RFC 6891).
struct ClientEdns {
    bool present = false;
    uint8_t version = 0;
    uint16_t udp_size = 0;  ///< as the client said it
    bool dnssec_ok = false;
    Bytes options;  ///< code, length, data, ...; well-formed
};

/// One question. A plugin that rewrites it changes `name`, `lower` and `type` and restores them
/// in answered().
struct Request {
    Bytes wire;  ///< the whole message as it came; empty for an internal look-up
    uint16_t id = 0;
    uint8_t opcode = 0;
    bool rd = false, cd = false, ad = false;
    Name name;   ///< as asked
    Name lower;  ///< in lower case
    uint16_t type = 0;
    uint16_t klass = 0;
    ClientEdns edns;
    net::Endpoint client;
    net::Endpoint local;
    uint32_t interface = 0;  ///< index of the interface it came in on; 0 if unknown
    Proto proto = Proto::udp;

    bool is_udp() const { return proto == Proto::udp; }
};

/// One record of an answer: spans, not a copy.
struct RecordRef {
    Bytes owner;  ///< wire format, uncompressed, with the root's zero
    uint16_t type = 0;
    uint16_t klass = dns::klass::kIn;
    uint32_t ttl = 0;
    Bytes rdata;  ///< names in it uncompressed
};

struct EdnsOption {
    uint16_t code = 0;
    Bytes data;
};

/// An answer as one message, for handlers that keep answers as bytes (plugin cache): header, the
/// question as it was asked, records with names compressed, no OPT. The server fills in id and
/// flags. A handler that is not Interest::all never sees it: the records are taken out before.
struct PackedReply {
    Bytes message;        ///< empty: the reply is in its sections
    size_t plain = 0;     ///< its size without compression, as reply_size() gives it
    bool denial = false;  ///< the name or the data does not exist, with the SOA that says so
};

/// The answer, by section; the server adds question, id, OPT and compression, and cuts it to the
/// client's size. Vectors keep their memory from query to query.
struct Reply {
    uint16_t rcode = dns::rcode::kNoError;  ///< 12 bits, extended ones included
    bool aa = false, ra = false, ad = false, tc = false;
    std::vector<RecordRef> answer, authority, additional;
    std::vector<EdnsOption> options;  ///< sent only to clients that sent an OPT
    PackedReply packed;               ///< if it is there, instead of the sections
    /// Seconds that a cache may keep it at most, when its maker knows better than the TTLs say; an
    /// answer without records and SOA is kept only with it.
    std::optional<uint32_t> keep;
    /// Who made it: the plugin's name, for metrics and -explain. Static storage.
    std::string_view plugin;

    bool is_packed() const { return !packed.message.empty(); }
    void clear();
};

}  // namespace ipref::resolver

// SPDX-License-Identifier: GPL-2.0-or-later
// What a client of the mapper asks and is told, whichever protocol is spoken.
// Source: spec "The mapper socket".
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/net/ref.h"
#include "common/result.h"
#include "common/wire/host_set.h"

namespace ipref::mapper {

/// `-mapper-protocol`, `mapper-protocol`. automatic: protobuf first, V1 if it is not answered.
enum class Protocol : uint8_t { automatic, protobuf, v1 };
/// "auto", "protobuf" or "v1".
Result<Protocol> parse_protocol(std::string_view word);
const char* name_of(Protocol protocol);

enum class Reason : uint8_t {
    disconnected,  ///< no connection to the gateway, or it ended before the answer
    timed_out,     ///< no answer in time
    too_many,      ///< too many requests in flight in this client
    bad_answer,    ///< the answer does not fit the request
    refused,       ///< the gateway gave no reason (V1 never does)
    bad_request,
    unknown_hash,  ///< host data: send everything again
    family,        ///< the gateway has no encode network or tunnel of that family
    not_unicast,   ///< gw is no address of a gateway
    limit,         ///< a limit against exhaustion was met
    exhausted,     ///< no free number left
    store,         ///< it could not be made durable
    overloaded,    ///< too many requests in flight in the gateway
};
/// One word for metrics and logs: "timed_out".
const char* name_of(Reason reason);

struct Failure {
    Reason reason = Reason::refused;
    std::string text;  ///< a sentence for the log, without the name asked for
};

/// The EA of `ipref`, allocated if there is none.
struct Query {
    net::IpRef ipref;
    std::string name;  ///< the DNS name that was asked for, at most 255 bytes of ASCII
    net::Family ea_family = net::Family::v4;
};

struct Encoded {
    net::Ip ea;
    /// How long the mapping lasts at least if nobody uses it; nothing if not told (V1).
    std::optional<std::chrono::seconds> lifetime;
};

using Answer = tl::expected<Encoded, Failure>;

/// The gateway took host data, knows a hash, or withdrew a source.
struct Done {
    uint32_t rejected = 0;             ///< hosts it refused; the others are held
    std::vector<std::string> reasons;  ///< of the first few
};

using DoneOrFailure = tl::expected<Done, Failure>;

/// Names a source, "LOCAL:PUBLIC".
struct Source {
    std::string local_domain;
    std::string public_domain;
};

/// How an agent gets on with a server of a source.
struct ServerReport {
    std::string server;  ///< "192.0.2.53:53"
    std::optional<uint32_t> serial;
    std::optional<std::chrono::seconds> succeeded_ago;  ///< nothing: never
    std::optional<std::chrono::seconds> next_in;        ///< nothing: it is being asked
    std::string error;                                  ///< empty: it answered
};

/// What an agent does about a source, for `ipref-gw status`.
struct SourceReport {
    Source source;
    bool given_up = false;  ///< nothing else counts then
    uint64_t hosts = 0;     ///< published
    uint64_t skipped = 0;   ///< AA records that could not be published
    std::string trouble;    ///< of the source as a whole; empty: none
    std::vector<ServerReport> servers;
};

/// From the set with `base_hash` to a new one.
struct Change {
    uint64_t base_hash = 0;
    std::vector<wire::Host> add;
    std::vector<wire::Host> remove;
};

/// Mappings of remote hosts that must be forgotten.
struct Dropped {
    bool all = false;  ///< everything; `iprefs` is empty
    std::vector<net::IpRef> iprefs;
};

/// One encode network of the gateway, and its address towards other gateways.
struct Site {
    net::Cidr encode_net;
    net::Ip gateway_pub;
};

/// The other end of a connection.
struct Server {
    Protocol protocol = Protocol::protobuf;  ///< which one is spoken, never automatic
    std::string program;                     ///< as it calls itself; empty with V1
    std::string release;
    std::vector<Site> sites;  ///< empty with V1
    std::string note;         ///< why V1 is spoken, if protobuf was tried; else empty
};

}  // namespace ipref::mapper

// SPDX-License-Identifier: GPL-2.0-or-later
// The client's end of the mapper socket, for the DNS agent and the resolver: connects by itself,
// opens with Hello, falls back to V1, reconnects, and keeps the requests in flight.
// Source: spec "The mapper socket".
//
// Runs on one run::Loop, never blocks, not thread-safe. Every request calls its callback exactly
// once, with an answer or a Failure, unless the client is destroyed first: then it is not called.
// A request that cannot be sent (disconnected, too many) fails at once: its callback is called
// before the request returns. Callbacks may make new requests, but must not destroy the client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/mapper/types.h"
#include "common/run/loop.h"

namespace ipref::mapper {

/// "unix:///run/ipref/mapper.sock" or a plain absolute path; gives the path.
Result<std::string> parse_mapper_url(std::string_view url);

inline constexpr const char* kDefaultUrl = "unix:///run/ipref/mapper.sock";

struct ClientOptions {
    std::string path = "/run/ipref/mapper.sock";
    std::string program;  ///< told to the gateway: "ipref-dns-agent"
    Protocol protocol = Protocol::automatic;
    /// For one get_encoded_addresses request, and for confirm and withdraw.
    run::Milliseconds request_timeout{500};
    /// For host data, from one step forward to the next.
    run::Milliseconds publish_timeout{30'000};
    run::Milliseconds hello_timeout{300};
    run::Milliseconds first_backoff{100};
    run::Milliseconds longest_backoff{10'000};
    /// For V1 packets that hold no address.
    net::Family v1_ea = net::Family::v4;
    net::Family v1_gw = net::Family::v4;
    size_t most_queries = 10'000;  ///< queries in flight; more fail with too_many
    size_t most_publishes = 256;   ///< publish, confirm and withdraw requests in flight
};

struct ClientEvents {
    /// After hello, or after the fallback to V1.
    std::function<void(const Server&)> connected;
    /// The connection ended, or the first attempt after start or after that failed; `why` is a
    /// sentence. Not repeated for further attempts.
    std::function<void(const std::string& why)> lost;
    /// Protobuf only. After a reconnect, treat what was cached before as if `all` had been told
    /// (a gateway that restarted cannot say what it dropped).
    std::function<void(const Dropped&)> mappings_changed;
    /// A record from the gateway was malformed and has been left out. Not limited in number: who
    /// logs it uses a run::LogLimit.
    std::function<void(const std::string& why)> ignored;
};

class Client {
  public:
    using EncodedCallback = std::function<void(Answer)>;
    using EncodedListCallback = std::function<void(std::vector<Answer>)>;
    using DoneCallback = std::function<void(DoneOrFailure)>;

    /// Begins to connect in the loop's next turn. Events left empty are not told.
    Client(run::Loop& loop, ClientOptions options, ClientEvents events);
    ~Client();
    Client(Client&&) = delete;

    /// Whether requests can be sent: after hello or fallback.
    bool connected() const;
    /// The gateway at the other end; nullptr while not connected.
    const Server* server() const;

    void get_encoded_address(Query query, EncodedCallback callback);
    /// Any number at once; answers in the order of the queries.
    void get_encoded_addresses(std::vector<Query> queries, EncodedListCallback callback);

    /// The full set of a source. Done when the gateway has applied it all.
    void publish(std::shared_ptr<const wire::HostSet> set, DoneCallback callback);
    /// The same by what changed since the set with `change.base_hash`; Failure unknown_hash if the
    /// gateway does not hold that. V1 knows no differences: the full set is sent.
    void publish_change(std::shared_ptr<const wire::HostSet> set, Change change,
                        DoneCallback callback);
    /// Does the gateway hold exactly these? Failure unknown_hash (with V1 also) if not. Also keeps
    /// the source from expiring.
    void confirm(const Source& source, uint64_t hash, uint32_t count, DoneCallback callback);
    /// The source publishes nothing any more. With V1: an empty set.
    void withdraw(const Source& source, DoneCallback callback);

    /// For those who look at the gateway's status; whether it is understood is not told. False if
    /// it cannot be sent now. With V1 nothing is sent.
    bool report(const SourceReport& report);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::mapper

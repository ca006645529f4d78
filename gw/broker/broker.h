// SPDX-License-Identifier: GPL-2.0-or-later
// The server's end of the mapper socket: protobuf frames and V1, on the same connections.
// Source: spec "The mapper socket", proto/mapper.proto.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "common/run/fd.h"
#include "common/run/loop.h"
#include "gw/broker/request_metrics.h"
#include "gw/mapping/store.h"
#include "gw/mapping/table.h"

namespace ipref::proto {
class Status;
class Peers;
class PeersRequest;
class Counters;
class TraceRequest;
class TraceEvents;
}  // namespace ipref::proto

namespace ipref::gw {

/// What the broker asks of the rest of the gateway for the admin commands. The broker fills in
/// what it and the table know. A function that is not set is answered by Failure BAD_REQUEST.
struct BrokerSources {
    std::function<void(proto::Status&)> status;
    std::function<void(const proto::PeersRequest&, proto::Peers&)> peers;
    std::function<void(proto::Counters&)> counters;
    /// From now on keep what all subscribers together want; nothing set: keep nothing.
    std::function<void(const proto::TraceRequest&)> listen;
    /// What has happened since the last call.
    std::function<void(proto::TraceEvents&)> happened;
    /// Counts what is asked; may be null.
    RequestMetrics* requests = nullptr;
};

struct BrokerOptions {
    std::string socket_path = "/run/ipref/mapper.sock";
    size_t clients = 256;           ///< connections; further ones are closed at once
    size_t clients_per_user = 128;  ///< of these, by one user id
    /// What one client may send a second, and at once; who sends more waits, nobody else does. A
    /// record may ask for 1,000 mappings, in about 25 bytes each at least.
    uint32_t records_per_second = 250'000;
    uint32_t bytes_per_second = 64 << 20;
    size_t in_flight = 1024;       ///< requests of one client that wait for the disk
    size_t queue_bytes = 4 << 20;  ///< answers of one client that it has not read; above it, the
                                   ///< connection is closed
    size_t set_hosts = 1'000'000;  ///< hosts of one set on its way in
};

/// Owned by main; its thread is the loop's. Destroyed before the loop, the store and the table.
class Broker {
  public:
    /// Makes the directory (0775) and the socket (0660), removes a stale one; or takes `listening`,
    /// which the service manager has opened. Errors: a live socket of another gateway, no
    /// permission, a socket of another path; each says what to do. `store` may be nullptr
    /// (-devmode with nothing to keep): answers then do not wait.
    static Result<std::unique_ptr<Broker>> open(run::Loop& loop, BrokerOptions options,
                                                Table& table, Store* store, BrokerSources sources,
                                                run::Fd listening = {});
    /// Closes the connections and removes the socket.
    ~Broker();

    size_t clients() const;
    /// What `ipref-gw status` is told.
    proto::Status status() const;

  private:
    class Impl;
    explicit Broker(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipref::gw

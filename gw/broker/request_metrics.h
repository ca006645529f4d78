// SPDX-License-Identifier: GPL-2.0-or-later
// What is asked on the mapper socket, how it ends, and how long it takes until the answer goes out,
// the disk included.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "common/run/metrics.h"

namespace ipref::gw {

/// Of either protocol.
enum class Command : uint8_t {
    hello,
    get_encoded_addresses,
    host_data,
    host_data_hash,
    withdraw,
    source_report,
    admin,    ///< status, mappings, peers, counters, trace
    unknown,  ///< no request that is known here
};
constexpr size_t kCommands = 8;

enum class RequestResult : uint8_t { ok, refused, malformed };
constexpr size_t kRequestResults = 3;

/// ipref_mapper_requests_total and ipref_mapper_request_duration_seconds.
class RequestMetrics {
  public:
    /// `metrics` outlives it.
    explicit RequestMetrics(run::Metrics& metrics);

    /// A set of hosts counts once, with its last record.
    void ended(Command command, RequestResult result, std::chrono::steady_clock::duration took);

  private:
    std::array<std::array<run::Counter*, kRequestResults>, kCommands> counters_{};
    run::Histogram* seconds_;
};

}  // namespace ipref::gw

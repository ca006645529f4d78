// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/broker/request_metrics.h"

namespace ipref::gw {

namespace {

constexpr std::array<const char*, kCommands> kCommandNames = {
    "hello",    "get_encoded_addresses", "host_data", "host_data_hash",
    "withdraw", "source_report",         "admin",     "unknown"};
constexpr std::array<const char*, kRequestResults> kResultNames = {"ok", "refused", "malformed"};

}  // namespace

RequestMetrics::RequestMetrics(run::Metrics& metrics)
    : seconds_(&metrics.histogram(
          "ipref_mapper_request_duration_seconds",
          "From a request on the mapper socket to its answer, the disk "
          "included",
          {10e-6, 25e-6, 100e-6, 250e-6, 1e-3, 2.5e-3, 10e-3, 25e-3, 100e-3, 250e-3, 1, 2.5, 10})) {
    for (size_t command = 0; command < kCommands; command++) {
        for (size_t result = 0; result < kRequestResults; result++) {
            counters_[command][result] = &metrics.counter(
                "ipref_mapper_requests_total", "Requests on the mapper socket that have ended",
                {{"command", kCommandNames[command]}, {"result", kResultNames[result]}});
        }
    }
}

void RequestMetrics::ended(Command command, RequestResult result,
                           std::chrono::steady_clock::duration took) {
    counters_[static_cast<size_t>(command)][static_cast<size_t>(result)]->add();
    seconds_->observe(std::chrono::duration<double>(took).count());
}

}  // namespace ipref::gw
